/// How an import is run; none of it changes the bytes that come out, except `blockLines` and `segment`.
package struct IngestOptions: Sendable {
    package var threads = 2
    /// What is held in memory of a delivery; more of it lies in files of the work folder meanwhile.
    package var memoryBytes = 512 << 20
    /// Of it for rows that wait for their place, and for what is needed to the end: headers, look-ups, hashes of identifiers.
    var stagedBytes: Int { memoryBytes - workBytes }
    var workBytes: Int { memoryBytes / 8 * 3 }
    /// Lines a block should hold.
    package var blockLines = 32_768
    /// The secret of the pseudonyms: the bytes of this file.
    package var keyFile: String?
    /// Where spooled rows and decoded files lie meanwhile; by default beside the dataset.
    package var workFolder: String?
    /// Where the rejects file goes; by default beside the dataset.
    package var rejectsFolder: String?
    /// The segment's name; by default it is made of the content of the sources.
    package var segment: String?
    /// Refuses rows whose identity number, or institution, diagnosis or area code, breaks the national form (ING022);
    /// by default they are kept and reported.
    package var strictCodes = false
    /// Said in the new generation's manifest, over what earlier ones said under the same names.
    package var notes: [String: String] = [:]
    /// After a file, when so long has passed since the last time, what was read is kept in the work folder, so that the same
    /// import goes on from there after it was stopped.
    package var partSeconds = 20.0
    /// Imports again what was imported before.
    package var repeats = false
    /// Called a few times a second; return false to stop.
    package var progress: (@Sendable (IngestProgress) -> Bool)?

    package init() {}
}

/// How far an import is.
package struct IngestProgress: Sendable {
    package enum Phase: String, Sendable { case headers, rows, writing }
    package var phase: Phase
    package var rows: Int
    package var bytes: Int
    package var bytesTotal: Int
    package var seconds: Double

    package var rowsPerSecond: Double { seconds > 0 ? Double(rows) / seconds : 0 }
    package var secondsLeft: Double? {
        bytes > 0 && bytesTotal > bytes ? seconds * Double(bytesTotal - bytes) / Double(bytes) : nil
    }
}
