import Documents

/// Turns what a sheet says in a cell into what the list shall say, by the rules of the mapping.
struct CellReading {
    let column: ListMapping.Column
    /// Whether the list keeps codes in this column: they lose all blanks, and binary numbers are suspect.
    let isCode: Bool
    let isProse: Bool
    private let patterns: [(match: Regex<AnyRegexOutput>, result: String)]
    private let form: CodeShape?

    /// A cell searched for a pattern is at most this long: expressions may be slow on long texts.
    static let searchedMax = 2_000

    enum Mistake: Error {
        case empty
        case notAmong(String)
        case noPattern(String)
        case form(String, String)
        case binary(String)
        case spreadsheetError(String)
        case tooLong
    }

    init(_ column: ListMapping.Column, isCode: Bool, isProse: Bool) {
        self.column = column
        self.isCode = isCode
        self.isProse = isProse
        patterns = column.patterns.compactMap { pattern in
            (try? Regex(pattern.match)).map { ($0, pattern.result) }
        }
        form = column.form.map(CodeShape.init)
    }

    /// The values of one cell: one, or several when the mapping splits it.
    func values(of cell: SheetCell) throws(Mistake) -> [String] {
        if cell.kind == .error { throw .spreadsheetError(cell.text) }
        var text = isProse ? SheetText.prose(cell.text) : SheetText.folded(cell.text)
        if isCode, column.separators == nil { text = text.filter { !$0.isWhitespace } }
        guard !text.isEmpty else {
            if let otherwise = column.otherwise { return [otherwise] }
            if column.mayBeEmpty { return [""] }
            throw .empty
        }
        // Workbooks keep 15 digits of a number: longer codes have lost their end.
        if isCode, cell.kind == .number, text.count(where: \.isNumber) > 15 { throw .binary(text) }
        guard let separators = column.separators else { return [try value(of: text)] }
        let signs = SheetText.folded(separators) + separators
        var values: [String] = []
        for part in text.split(whereSeparator: { signs.contains($0) || $0.isNewline }) {
            let part = SheetText.folded(String(part)).filter { !(isCode && $0.isWhitespace) }
            if !part.isEmpty { values.append(try value(of: part)) }
        }
        guard !values.isEmpty else { throw .empty }
        return values
    }

    private func value(of text: String) throws(Mistake) -> String {
        if !column.values.isEmpty || !patterns.isEmpty {
            if let known = column.values[SheetText.folded(text)] { return known }
            guard text.count <= Self.searchedMax else { throw .tooLong }
            for (match, result) in patterns {
                guard let found = text.firstMatch(of: match) else { continue }
                guard result.hasPrefix("$"), let group = Int(result.dropFirst()) else { return result }
                if found.output.indices.contains(group), let part = found.output[group].substring {
                    return String(part)
                }
            }
            if let otherwise = column.otherwise { return otherwise }
            if patterns.isEmpty { throw .notAmong(text) }
            throw .noPattern(text)
        }
        if let form, !form.fits(text) { throw .form(text, column.form ?? "") }
        return text
    }
}

/// What a code looks like: `A` a capital letter, `9` a digit, `X` either, `*` any rest; other signs are themselves.
struct CodeShape {
    private let shape: [Character]

    init(_ text: String) { shape = Array(text) }

    func fits(_ code: String) -> Bool {
        let signs = Array(code)
        for (index, wanted) in shape.enumerated() {
            if wanted == "*" {
                return signs[min(index, signs.count)...].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
            }
            guard index < signs.count else { return false }
            let sign = signs[index]
            let isDigit = sign.isASCII && sign.isNumber
            let isCapital = sign.isASCII && sign.isUppercase
            switch wanted {
            case "A" where isCapital, "9" where isDigit, "X" where isDigit || isCapital: continue
            case "A", "9", "X": return false
            default: if sign != wanted { return false }
            }
        }
        return signs.count == shape.count
    }
}
