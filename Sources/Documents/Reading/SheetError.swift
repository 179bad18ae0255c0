/// Why a foreign spreadsheet cannot be read: the file, the place in it, what is wrong, what to do.
///
/// Codes `SHT001` … are listed in `docs/lists.md`. Reading never traps: whatever the bytes are, they give rows or this.
package struct SheetError: Error, Sendable, Hashable, CustomStringConvertible {
    package let code: String
    package let file: String
    /// A sheet, a row and column (`限制!C12`), or a part inside the archive; empty: the file as a whole.
    package let place: String
    package let message: String
    package let advice: String

    package init(_ code: String, file: String, place: String = "", _ message: String, advice: String) {
        self.code = code
        self.file = file
        self.place = place
        self.message = message
        self.advice = advice
    }

    package var description: String {
        "\(code) \(file)\(place.isEmpty ? "" : " (\(place))"): \(message); \(advice)"
    }
}

/// How much of a foreign file is read before it is refused: every list of the country fits many times over, and no file
/// can fill the memory.
package struct SheetLimits: Sendable {
    package var fileBytesMax = 256 << 20
    package var membersMax = 4_096
    /// Unpacked bytes of one part of a workbook.
    package var memberBytesMax = 512 << 20
    /// Unpacked to packed; deflate itself reaches 1,032. Parts below one mebibyte are not asked.
    package var ratioMax = 300
    package var depthMax = 64
    package var attributesMax = 64
    package var tokenBytesMax = 1 << 20
    package var sharedStringsMax = 5_000_000
    package var sharedBytesMax = 256 << 20
    package var rowsMax = 1_048_576
    package var columnsMax = 1_024
    package var mergesMax = 65_536

    package init() {}
}
