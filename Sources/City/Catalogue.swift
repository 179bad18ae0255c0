/// One item of the city's catalogue.
struct Item {
    let key: String
    let code: [UInt8]
    let name: [UInt8]
    let kind: Kind
    let ingredient: String
    let itemClass: String
    let unit: String
    let pack: Int
    /// Days that one pack lasts; 0 when nothing is carried home.
    let daysPerPack: Int
    /// The highest price allowed, in ten-thousandths of a yuan.
    let listPrice: Int
    let scopePercent: Int

    enum Kind: String {
        case western = "w"
        case patent = "p"
        case herb = "h"
        case service = "s"
        case consumable = "c"

        /// The word of the canonical schema.
        var word: String {
            switch self {
            case .western: "western-drug"
            case .patent: "patent-drug"
            case .herb: "herb"
            case .service: "service"
            case .consumable: "consumable"
            }
        }
    }
}

/// All items, found by key when the city is laid out and by number afterwards.
struct Catalogue {
    let items: [Item]
    /// What an institution of a level (0…3) charges, at `item * 4 + level`, in ten-thousandths of a yuan.
    let prices: [Int]
    private let numbers: [String: Int]

    init() {
        var items: [Item] = []
        var prices: [Int] = []
        var numbers: [String: Int] = [:]
        for row in Catalogue.table.split(separator: "\n") {
            let cells = row.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            precondition(cells.count == 11, "a catalogue row has 11 cells: \(row)")
            guard let kind = Item.Kind(rawValue: cells[3]), let pack = Int(cells[7]), let days = Int(cells[8]),
                let price = Catalogue.price(cells[9]), let scope = Int(cells[10])
            else { preconditionFailure("a catalogue row cannot be read: \(row)") }
            let item = Item(
                key: cells[0], code: Array(cells[1].utf8), name: Array(cells[2].utf8), kind: kind,
                ingredient: cells[4], itemClass: cells[5], unit: cells[6], pack: pack, daysPerPack: days,
                listPrice: price, scopePercent: scope)
            precondition(numbers[item.key] == nil, "two items are called \(item.key)")
            numbers[item.key] = items.count
            items.append(item)
            for level in 0..<4 { prices.append(Catalogue.charged(item, level: level)) }
        }
        self.items = items
        self.prices = prices
        self.numbers = numbers
    }

    /// The number of an item of the table; a key that is not in it is a mistake of ours.
    func number(_ key: String) -> Int {
        guard let number = numbers[key] else { preconditionFailure("no item is called \(key)") }
        return number
    }

    @inline(__always)
    func price(_ item: Int, level: Int) -> Int { prices[item &* 4 &+ level] }

    /// Whole fen, or yuan with four places for herbs.
    private static func price(_ text: String) -> Int? {
        guard let dot = text.firstIndex(of: ".") else { return Int(text).map { $0 * 100 } }
        let places = text[text.index(after: dot)...]
        guard let whole = Int(text[..<dot]), let part = Int(places), places.utf8.count <= 4 else { return nil }
        var scaled = part
        for _ in places.utf8.count..<4 { scaled *= 10 }
        return whole * 10_000 + scaled
    }

    /// Services cost less at lower levels; drugs and consumables are sold without a mark-up everywhere.
    private static func charged(_ item: Item, level: Int) -> Int {
        guard item.kind == .service else { return item.listPrice }
        let percent = [80, 80, 90, 100][level]
        return item.listPrice * percent / 100 / 1000 * 1000
    }
}
