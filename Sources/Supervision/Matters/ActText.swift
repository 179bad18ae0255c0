import Casework
import Foundation

/// An act as the ledger keeps it (行为的规范文本): one JSON object with its keys in order, after the digit of the form. The same act
/// always gives the same bytes; docs/supervision.md describes it.
enum ActText {
    static let form = UInt8(ascii: "1")

    static func bytes(_ act: Act) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [form] + (try encoder.encode(act))
    }

    static func act(_ bytes: some Collection<UInt8>) throws -> Act {
        guard bytes.first == form else { throw DoorRefusal.damaged("an act has a form this program does not know") }
        do {
            return try JSONDecoder().decode(Act.self, from: Data(bytes.dropFirst()))
        } catch {
            throw DoorRefusal.damaged("an act cannot be read")
        }
    }
}

extension DoorRefusal {
    static func damaged(_ what: String) -> DoorRefusal {
        DoorRefusal(
            .setUp, what, at: "the store's acts",
            advice: "run `yijian ledger verify`, and the program version that wrote it; nothing was changed")
    }
}
