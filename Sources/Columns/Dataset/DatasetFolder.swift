/// Where the parts of a dataset lie, and which generation is the current one.
struct DatasetFolder {
    let path: String

    var current: String { path + "/CURRENT" }
    var lock: String { path + "/.lock" }
    var staging: String { path + "/.staging" }
    var generations: String { path + "/generations" }
    var segments: String { path + "/segments" }
    var masters: String { path + "/masters" }
    func manifest(_ generation: Int) -> String { generations + "/\(generation).json" }
    func segment(_ name: String) -> String { segments + "/" + name }

    /// What `CURRENT` says: the number of the generation and the SHA-256 of its manifest; 0 before the first commit.
    struct Pointer: Equatable {
        let generation: Int
        let sha256: String

        /// Far beyond any dataset, and safe to count on from.
        static let largest = 1 << 40
        static let nothing = Pointer(generation: 0, sha256: "")

        var text: String { generation == 0 ? "0\n" : "\(generation) \(sha256)\n" }

        /// Only the exact text is read, so that no changed byte goes unnoticed.
        init?(_ bytes: [UInt8]) {
            let text = String(decoding: bytes, as: UTF8.self)
            let parts = text.dropLast().split(separator: " ", omittingEmptySubsequences: false)
            guard let number = parts.first.flatMap({ Int($0) }), (0...Self.largest).contains(number) else { return nil }
            self.init(generation: number, sha256: parts.count > 1 ? String(parts[1]) : "")
            guard Array(self.text.utf8) == bytes, number == 0 || sha256.utf8.count == 64 else { return nil }
        }

        init(generation: Int, sha256: String) {
            self.generation = generation
            self.sha256 = sha256
        }
    }

    func pointer() throws(ColumnsError) -> Pointer {
        guard Disk.exists(current) else {
            throw ColumnsError(
                "COL040", "there is no dataset here: CURRENT is missing", at: path,
                advice: "Name a folder made by `yijian ingest`; if CURRENT was lost, restore it from a copy")
        }
        guard let pointer = Pointer(try Disk.read(current, limit: 4096)) else {
            throw ColumnsError(
                "COL041", "the file does not hold a generation number and its SHA-256", at: current,
                advice: "Restore it from a copy, or write '<number> <SHA-256 of generations/<number>.json>'")
        }
        return pointer
    }

    /// The manifests from the given pointer back to `oldest`, newest first, each verified by the one before.
    func manifests(from pointer: Pointer, downTo oldest: Int = 1) throws(ColumnsError) -> [Manifest] {
        var manifests: [Manifest] = []
        var next = pointer
        while next.generation >= max(1, oldest, manifests.first?.oldest ?? 1) {
            let path = manifest(next.generation)
            let manifest = try Json.decode(Manifest.self, path, sha256: next.sha256)
            let names = manifest.segments.map(\.name) + manifest.masters.values.map(\.file) + manifest.masters.keys
            guard manifest.format == Manifest.format, manifest.generation == next.generation,
                (manifest.parent?.generation ?? 0) < next.generation,
                (manifest.oldest ?? 1) <= next.generation, names.allSatisfy(FileName.isSound),
                manifest.masters.values.allSatisfy(\.isSound)
            else {
                throw ColumnsError(
                    "COL044", "the file is not a manifest of generation \(next.generation) that this build reads",
                    at: path, advice: "Use the build that wrote it, or a later one")
            }
            manifests.append(manifest)
            guard let parent = manifest.parent else { break }
            next = Pointer(generation: parent.generation, sha256: parent.sha256)
        }
        return manifests
    }

    /// Names here that no generation up to the current one knows: what interrupted writers left.
    func leftovers(_ manifests: [Manifest]) -> [String] {
        let numbers = Set(manifests.map { "\($0.generation).json" })
        let segmentNames = Set(manifests.flatMap { $0.segments.map(\.name) })
        let masterNames = Set(manifests.flatMap { $0.masters.values.map(\.file) })
        let newest = manifests.first?.generation ?? 0
        let oldest = manifests.first?.oldest ?? 1
        var paths = Disk.names(in: generations).filter { name in
            name.hasSuffix(".json.new")
                || (!numbers.contains(name) && name.hasSuffix(".json")
                    && Int(name.dropLast(5)).map { $0 > newest || $0 < oldest } == true)
        }.map { generations + "/" + $0 }
        paths += Disk.names(in: segments).filter { !segmentNames.contains($0) }.map { segments + "/" + $0 }
        paths += Disk.names(in: masters).filter { !masterNames.contains($0) }.map { masters + "/" + $0 }
        paths += [staging, current + ".new"].filter { Disk.exists($0) }
        return paths
    }
}
