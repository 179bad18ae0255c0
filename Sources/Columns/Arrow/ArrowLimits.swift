/// Bounds on what foreign bytes may ask for. Beyond them reading ends with an error, not with a full machine.
package struct ArrowLimits: Sendable {
    /// Metadata of one message.
    package var metadataBytes = 64 << 20
    /// Body of one message.
    package var bodyBytes = 2 << 30
    /// What the columns of one batch may take when they have to be converted (large strings, views, narrow codes).
    package var convertedBytes = 1 << 30
    /// All dictionaries of a stream together.
    package var dictionaryBytes = 2 << 30
    /// Fields, counting nested ones.
    package var fields = 4096
    package var depth = 16
    package var rowsPerBatch = 1 << 28
    package var batchesPerFile = 1 << 20

    package init() {}
}
