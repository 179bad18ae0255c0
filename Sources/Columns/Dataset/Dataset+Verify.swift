extension Dataset {
    /// Reads every byte of every generation and reports what is changed, missing or extra; empty when all is sound.
    package func verify() -> [DatasetProblem] { Self.verify(path) }

    /// The same for a dataset that may not even open.
    package static func verify(_ path: String) -> [DatasetProblem] {
        var verification = DatasetVerification(folder: DatasetFolder(path: path))
        verification.run()
        return verification.problems
    }
}

/// Goes through a dataset folder once, from `CURRENT` down to the last buffer.
private struct DatasetVerification {
    let folder: DatasetFolder
    private(set) var problems: [DatasetProblem] = []
    /// Every path that the manifests account for.
    private var known: Set<String> = []

    init(folder: DatasetFolder) { self.folder = folder }

    mutating func run() {
        known = [folder.current, folder.lock, folder.generations, folder.segments, folder.masters]
        if let size = Disk.size(of: folder.lock), size > 0 {
            report("COL052", folder.lock, "the lock file is not empty")
        }
        do throws(ColumnsError) {
            let pointer = try folder.pointer()
            let manifests = try folder.manifests(from: pointer)
            if let last = manifests.last, let newest = manifests.first, last.generation != newest.oldest ?? 1 {
                report(
                    "COL050", folder.manifest(newest.oldest ?? 1),
                    "the chain of generations does not reach the oldest that is kept")
            }
            for manifest in manifests { known.insert(folder.manifest(manifest.generation)) }
            var seen: Set<String> = []
            for manifest in manifests {
                for entry in manifest.segments where seen.insert(entry.name + entry.sha256).inserted { verify(entry) }
                for (_, entry) in manifest.masters.sorted(by: { $0.key < $1.key })
                where seen.insert(entry.file + entry.sha256).inserted {
                    verify(entry, in: folder.masters, blocks: nil)
                }
            }
            findStrangers(leftovers: Set(folder.leftovers(manifests)))
        } catch {
            problems.append(DatasetProblem(error, path: error.place))
        }
    }

    private mutating func verify(_ entry: Manifest.SegmentEntry) {
        let directory = folder.segment(entry.name)
        known.formUnion([directory, directory + "/segment.json"])
        do throws(ColumnsError) {
            let segment = try Segment(name: entry.name, path: directory, sha256: entry.sha256)
            for table in segment.tables {
                guard let file = segment.entry(table) else { continue }
                let blocks = segment.isTimeline(table) ? segment.blocks.map { $0.rows[table] ?? 0 } : nil
                verify(file, in: directory, blocks: blocks)
            }
        } catch {
            problems.append(DatasetProblem(error, path: error.place))
        }
    }

    private mutating func verify(_ entry: TableFile, in directory: String, blocks: [Int]?) {
        let path = directory + "/" + entry.file
        known.insert(path)
        guard Disk.exists(path) else { return report("COL050", path, "the file is missing") }
        do throws(ColumnsError) {
            let hash = try MappedFile.sha256(path)
            if hash != entry.sha256 { report("COL051", path, "the file does not match its SHA-256") }
            let file = try entry.open(in: directory)
            problems += file.verifyAll()
            guard hash == entry.sha256 else { return }
            if file.totalRows != entry.rows {
                report("COL053", path, "the file has \(file.totalRows) rows where the manifest says \(entry.rows)")
            }
            if let blocks, blocks != (0..<file.batchCount).map({ file.rowCount(ofBatch: $0) }) {
                report("COL053", path, "the rows of its batches are not those of the segment's blocks")
            }
        } catch {
            problems.append(DatasetProblem(error, path: path))
        }
    }

    private mutating func findStrangers(leftovers: Set<String>) {
        var folders = [folder.path]
        while let directory = folders.popLast() {
            for name in Disk.names(in: directory) {
                let path = directory + "/" + name
                if leftovers.contains(path) {
                    problems.append(
                        DatasetProblem(
                            "COL054", path: path, "left by an interrupted writer, or no part of the dataset",
                            isHarmless: true))
                } else if !known.contains(path) {
                    report("COL052", path, "the file is no part of the dataset")
                } else if Disk.isDirectory(path) {
                    folders.append(path)
                }
            }
        }
    }

    private mutating func report(_ code: String, _ path: String, _ message: String) {
        problems.append(DatasetProblem(code, path: path, message))
    }
}
