/// Places the boxes of a graph in layers, so that lines run downwards and cross little (分层布局).
///
/// The usual four passes: turn cycles around, rank by longest path, order each layer by the middle of its neighbours,
/// then give coordinates. A line over several layers gets a point in each, so that it runs between boxes.
struct LayeredLayout {
    struct Box {
        let width: Double
        var height: Double
        var x = 0.0
        var y = 0.0
    }

    struct Line {
        let from: Int
        let to: Int
        /// Points from the one to the other, ends included.
        var points: [(x: Double, y: Double)] = []
    }

    private(set) var boxes: [Box]
    private(set) var lines: [Line]
    private(set) var width = 0.0
    private(set) var height = 0.0

    private static let gapAcross = 18.0
    private static let gapDown = 26.0

    private var rank: [Int]
    private var layers: [[Int]] = []
    private let realCount: Int

    /// The first box stands at the top.
    init(sizes: [(width: Double, height: Double)], lines pairs: [(from: Int, to: Int)]) {
        boxes = sizes.map { Box(width: $0.width, height: $0.height) }
        realCount = boxes.count
        lines = pairs.map { Line(from: $0.from, to: $0.to) }
        rank = Array(repeating: 0, count: sizes.count)
        let forward = Self.acyclic(count: sizes.count, pairs)
        rankByLongestPath(forward)
        var chains: [[Int]] = []
        for edge in forward { chains.append(chain(edge)) }
        orderLayers(chains)
        placeDown()
        placeAcross(chains)
        for (index, chain) in chains.enumerated() { draw(index, chain) }
        width = (boxes.map { $0.x + $0.width / 2 }.max() ?? 0) + 2
        height = (boxes.map { $0.y + $0.height / 2 }.max() ?? 0) + 2
    }

    /// Every pair in the direction in which it runs down; a pair that closes a cycle is turned around.
    private static func acyclic(count: Int, _ pairs: [(from: Int, to: Int)]) -> [(from: Int, to: Int)] {
        var out: [[Int]] = Array(repeating: [], count: count)
        for (index, pair) in pairs.enumerated() { out[pair.from].append(index) }
        var mark = Array(repeating: 0, count: count)
        var turned: Set<Int> = []
        func visit(_ node: Int) {
            mark[node] = 1
            for index in out[node] {
                let next = pairs[index].to
                if mark[next] == 1 { turned.insert(index) } else if mark[next] == 0 { visit(next) }
            }
            mark[node] = 2
        }
        for node in 0..<count where mark[node] == 0 { visit(node) }
        return pairs.enumerated().map { turned.contains($0.offset) ? ($0.element.to, $0.element.from) : $0.element }
    }

    private mutating func rankByLongestPath(_ edges: [(from: Int, to: Int)]) {
        // Without cycles, as many rounds as boxes are enough.
        for _ in 0..<max(1, realCount) {
            var changed = false
            for edge in edges where rank[edge.to] < rank[edge.from] + 1 {
                rank[edge.to] = rank[edge.from] + 1
                changed = true
            }
            if !changed { break }
        }
    }

    /// The boxes and points that a line passes, from top to bottom.
    private mutating func chain(_ edge: (from: Int, to: Int)) -> [Int] {
        var chain = [edge.from]
        var between = rank[edge.from] + 1
        while between < rank[edge.to] {
            boxes.append(Box(width: 6, height: 0))
            rank.append(between)
            chain.append(boxes.count - 1)
            between += 1
        }
        return chain + [edge.to]
    }

    private mutating func orderLayers(_ chains: [[Int]]) {
        layers = Array(repeating: [], count: (rank.max() ?? 0) + 1)
        for node in boxes.indices { layers[rank[node]].append(node) }
        var above: [[Int]] = Array(repeating: [], count: boxes.count)
        var below: [[Int]] = Array(repeating: [], count: boxes.count)
        for chain in chains {
            for (a, b) in zip(chain, chain.dropFirst()) {
                below[a].append(b)
                above[b].append(a)
            }
        }
        var best = layers
        var fewest = crossings(below)
        for round in 0..<16 {
            let down = round % 2 == 0
            for level in down ? Array(layers.indices) : layers.indices.reversed() {
                var position: [Int: Int] = [:]
                for layer in layers { for (index, node) in layer.enumerated() { position[node] = index } }
                let neighbours = down ? above : below
                let keyed = layers[level].enumerated().map { index, node -> (Double, Int, Int) in
                    let near = neighbours[node].compactMap { position[$0] }
                    let middle = near.isEmpty ? Double(index) : Double(near.reduce(0, +)) / Double(near.count)
                    return (middle, index, node)
                }
                layers[level] = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
            }
            let now = crossings(below)
            if now < fewest {
                fewest = now
                best = layers
            }
        }
        layers = best
    }

    private func crossings(_ below: [[Int]]) -> Int {
        var count = 0
        for (level, layer) in layers.enumerated() where level + 1 < layers.count {
            var position: [Int: Int] = [:]
            for (index, node) in layers[level + 1].enumerated() { position[node] = index }
            let ends = layer.flatMap { node in below[node].compactMap { position[$0] }.sorted() }
            for i in ends.indices { for j in ends.indices where j > i && ends[j] < ends[i] { count += 1 } }
        }
        return count
    }

    private mutating func placeDown() {
        var top = 2.0
        for layer in layers {
            let tallest = layer.map { boxes[$0].height }.max() ?? 0
            for node in layer {
                // A line passes the whole layer straight, however tall its boxes are.
                if node >= realCount { boxes[node].height = tallest }
                boxes[node].y = top + tallest / 2
            }
            top += tallest + Self.gapDown
        }
    }

    /// Draws every box towards the middle of its neighbours, as far as its neighbours in the layer let it.
    private mutating func placeAcross(_ chains: [[Int]]) {
        var near: [[Int]] = Array(repeating: [], count: boxes.count)
        for chain in chains {
            for (a, b) in zip(chain, chain.dropFirst()) {
                near[a].append(b)
                near[b].append(a)
            }
        }
        for layer in layers {
            var x = 0.0
            for node in layer {
                boxes[node].x = x + boxes[node].width / 2
                x += boxes[node].width + Self.gapAcross
            }
        }
        for round in 0..<40 {
            for level in round % 2 == 0 ? Array(layers.indices) : layers.indices.reversed() {
                settle(layers[level], near)
            }
        }
        let left = boxes.map { $0.x - $0.width / 2 }.min() ?? 0
        for node in boxes.indices { boxes[node].x += 2 - left }
    }

    private mutating func settle(_ layer: [Int], _ near: [[Int]]) {
        var wanted: [Double] = []
        for node in layer {
            let xs = near[node].map { boxes[$0].x }
            wanted.append(xs.isEmpty ? boxes[node].x : xs.reduce(0, +) / Double(xs.count))
        }
        var fromLeft = wanted
        for index in layer.indices.dropFirst() {
            let least = (boxes[layer[index]].width + boxes[layer[index - 1]].width) / 2 + Self.gapAcross
            fromLeft[index] = max(fromLeft[index], fromLeft[index - 1] + least)
        }
        var fromRight = wanted
        for index in layer.indices.reversed().dropFirst() {
            let least = (boxes[layer[index]].width + boxes[layer[index + 1]].width) / 2 + Self.gapAcross
            fromRight[index] = min(fromRight[index], fromRight[index + 1] - least)
        }
        for (index, node) in layer.enumerated() { boxes[node].x = (fromLeft[index] + fromRight[index]) / 2 }
    }

    private mutating func draw(_ index: Int, _ chain: [Int]) {
        let isTurned = chain.first != lines[index].from
        var points: [(x: Double, y: Double)] = []
        for (place, node) in chain.enumerated() {
            let box = boxes[node]
            if place == 0 {
                points.append((box.x, box.y + box.height / 2))
            } else if place == chain.count - 1 {
                points.append((box.x, box.y - box.height / 2))
            } else {
                points.append((box.x, box.y - box.height / 2))
                points.append((box.x, box.y + box.height / 2))
            }
        }
        lines[index].points = isTurned ? points.reversed() : points
    }
}
