import CPQ

/// The server's errors as ours, told apart by their SQLSTATE.
enum PostgresErrors {
    static func unreachable(_ connection: OpaquePointer, address: StoreAddress) -> StoreError {
        StoreError(
            .unreachable, "PostgreSQL: \(firstLine(PQerrorMessage(connection)))", at: address.shown,
            advice: StoreError.advice(for: .unreachable))
    }

    static func error(_ result: OpaquePointer?, connection: OpaquePointer, address: StoreAddress) -> StoreError {
        let state = field(result, "C")
        let kind = PQstatus(connection) == CONNECTION_OK ? kind(state) : .unreachable
        // The primary message only: details may quote a row, and a row may be personal data.
        let words = field(result, "M") ?? firstLine(PQerrorMessage(connection))
        let constraint = field(result, "n").map { " (\($0))" } ?? ""
        return StoreError(
            kind, "PostgreSQL: \(words)\(constraint)\(state.map { ", \($0)" } ?? "")", at: address.shown,
            advice: StoreError.advice(for: kind))
    }

    private static func kind(_ state: String?) -> StoreError.Kind {
        guard let state else { return .other }
        switch state {
        case "23505": return .notUnique
        case "40001", "40P01": return .tryAgain
        case "55P03", "57014", "53300": return .busy
        case "53100": return .full
        case "25006", "42501": return .readOnly
        case "XX001", "XX002": return .corrupt
        case "57P01", "57P02", "57P03": return .unreachable
        case "25P02": return .badStatement
        default: break
        }
        switch state.prefix(2) {
        case "23": return .refusedBySchema
        case "08": return .unreachable
        case "42", "22", "26": return .badStatement
        default: return .other
        }
    }

    private static func field(_ result: OpaquePointer?, _ code: Character) -> String? {
        guard let ascii = code.asciiValue else { return nil }
        return PQresultErrorField(result, Int32(ascii)).map { String(cString: $0) }
    }

    private static func firstLine(_ text: UnsafeMutablePointer<CChar>?) -> String {
        let words = text.map { String(cString: $0) } ?? ""
        return words.split(whereSeparator: \.isNewline).first.map(String.init) ?? "no reason given"
    }
}
