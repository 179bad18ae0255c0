import Foundation

/// Journalled uploads as a delivery for ingest (并入数据集): what was received since a dataset last took account of the
/// journal becomes a file of messages, and the dataset then says what the service says from dataset and journal together.
package struct JournalDelivery {
    private let keeper: any RecordKeeping
    private let reading: UploadReading
    private let names: PersonNames

    package struct Extent: Sendable, Equatable {
        /// Records from `from` up to, but without, `to` are taken account of now.
        package var from: UInt64 = 0
        package var to: UInt64 = 0
        /// Uploads among them.
        package var received = 0
        /// Earlier uploads about the same visits and movements, said again.
        package var again = 0
        /// Rows taken back because their message was reversed (2601).
        package var undone = 0

        package var isEmpty: Bool { received == 0 && undone == 0 }
    }

    package init(
        _ keeper: any RecordKeeping, tables: @escaping @Sendable (String) -> CodeTables,
        decipher: @escaping Decipher = { _ in nil }, names: @escaping PersonNames = { $0 }
    ) {
        self.keeper = keeper
        self.names = names
        reading = UploadReading(decipher, tables)
    }

    /// The note in which a dataset's generation says how far it took account of a journal.
    package static func note(_ keeper: any RecordKeeping) -> String { "absorbed." + keeper.identity }

    /// How far a generation with these notes took account of the journal.
    package static func position(_ notes: [String: String], _ keeper: any RecordKeeping) -> UInt64 {
        notes[note(keeper)].flatMap { UInt64($0) } ?? 0
    }

    /// Writes the messages of at most `recordsMax` records from `from` on to a new file at `path`, one a line. Memory grows
    /// with the number of uploads, some dozens of bytes each. `proceed` is asked now and then; it throws to stop.
    package func write(
        from: UInt64, recordsMax: Int = 1_000_000, to path: String, proceed: () throws -> Void = {}
    ) throws -> Extent {
        var extent = Extent(from: from, to: from)
        var selection = UploadSelection(keeper, since: from, reading, keepsRecords: false)
        var count = 0
        try keeper.replay(from: from) { record in
            if count == recordsMax { return false }
            count += 1
            if count & 0xFFF == 0 { try proceed() }
            extent.to = record.sequence + 1
            try selection.add(record)
            return true
        }
        try selection.complete()
        let numbers = selection.numbers
        // Messages after this delivery about the same visits are in it too; the next delivery says them again.
        extent.received = numbers.count { $0 >= from && $0 < extent.to }
        extent.again = numbers.count - extent.received
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forWritingAtPath: path)
        else { throw CocoaError(.fileWriteNoPermission, userInfo: [NSFilePathErrorKey: path]) }
        defer { try? file.close() }
        var buffer: [UInt8] = []
        func flush(_ limit: Int) throws {
            guard buffer.count > limit else { return }
            try file.write(contentsOf: buffer)
            buffer.removeAll(keepingCapacity: true)
        }
        for sequence in selection.undone {
            for line in reading.read(try selection.record(sequence), Self.withdrawals) ?? [] {
                buffer += line
                extent.undone += 1
            }
        }
        for (place, sequence) in numbers.enumerated() {
            if place & 0xFFF == 0 { try proceed() }
            let names = names
            buffer += reading.read(try selection.record(sequence)) { PlainMessage.line($0, names: names) } ?? []
            try flush(1 << 20)
        }
        try flush(0)
        return extent
    }

    private static func withdrawals(_ reader: inout UploadReader) -> [[UInt8]] {
        reader.stated.map { PlainMessage.withdrawal($0, institution: reader.envelope.institution) }
    }
}
