/// Strings laid end to end, as Arrow lays them: offsets and bytes.
package struct StringTable: Sendable {
    package var offsets: [Int32]
    package var bytes: [UInt8]
    package init() {
        offsets = [0]
        bytes = []
    }
    package var count: Int { offsets.count - 1 }
}
