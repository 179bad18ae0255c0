import Claims
import Columns
import Yams

/// Values and conditions: the limited expressions that turn columns into fields.
extension MappingReader {
    mutating func conditions(_ node: Node?) -> [ConditionMapping] {
        list(node).compactMap { item in
            guard let map = item.mapping else {
                report(
                    "ING205", "A condition needs column and in, notIn or absent", place(item),
                    "Write {column: vali_flag, in: [\"1\"]}")
                return nil
            }
            expect(map, ["column", "value", "in", "notIn", "absent"], "a condition")
            guard let valueNode = map["column"] ?? map["value"], let value = value(valueNode, nil) else {
                report("ING205", "A condition needs a column", place(item), "Write {column: vali_flag, in: [\"1\"]}")
                return nil
            }
            if let words = map["in"] { return ConditionMapping(value: value, test: .isOneOf(strings(words))) }
            if let words = map["notIn"] { return ConditionMapping(value: value, test: .isNoneOf(strings(words))) }
            if let absent = map["absent"] {
                return ConditionMapping(value: value, test: (flag(absent) ?? true) ? .isAbsent : .isPresent)
            }
            report("ING205", "A condition tests nothing", place(item), "Add in, notIn or absent")
            return nil
        }
    }

    mutating func value(_ node: Node, _ maps: Node.Mapping?) -> ValueMapping? {
        if let column = node.string { return ValueMapping(form: .column(column), place: place(node)) }
        guard let map = node.mapping else {
            report(
                "ING205", "A value is a column's name or keys such as column and map", place(node),
                "See docs/mapping.md")
            return nil
        }
        expect(
            map,
            [
                "column", "constant", "concat", "separator", "first", "pseudonym", "lookup", "split", "slice", "case",
                "stripZeros", "map", "mapFor", "else", "format", "unit", "malformed", "unmapped", "nulls",
            ], "a value")
        guard let form = form(map, node, maps) else { return nil }
        var value = ValueMapping(form: form, place: place(node))
        if let split = map["split"]?.mapping {
            expect(split, ["by", "take"], "split")
            let by = split["by"].flatMap { byte($0, "by") } ?? 0x2C
            value.split = (by: by, take: max(1, string(split["take"]).flatMap { Int($0) } ?? 1))
        }
        if let slice = map["slice"]?.mapping {
            expect(slice, ["from", "length"], "slice")
            let from = string(slice["from"]).flatMap { Int($0) } ?? 1
            value.slice = (from: max(0, from - 1), length: max(0, string(slice["length"]).flatMap { Int($0) } ?? 4096))
        }
        if let letters = map["case"] {
            value.letters = string(letters)
            if value.letters != "upper" && value.letters != "lower" {
                report("ING205", "case is upper or lower", place(letters), "Write case: upper")
            }
        }
        value.stripZeros = flag(map["stripZeros"]) ?? false
        if let node = map["map"] { value.map = pairs(node, maps) }
        if let node = map["mapFor"]?.mapping {
            expect(node, ["institution", "values"], "mapFor")
            var byInstitution: [String: [(String, String)]] = [:]
            for (key, pairsNode) in node["values"]?.mapping ?? Node.Mapping([]) {
                if let institution = string(key) { byInstitution[institution] = pairs(pairsNode, maps) }
            }
            value.mapFor = (institution: string(node["institution"]) ?? "", maps: byInstitution)
        }
        value.other = string(map["else"])
        value.format = string(map["format"]) ?? ""
        if let unit = map["unit"] {
            switch string(unit) {
            case "yuan", "one": value.shift = 0
            case "jiao", "tenths": value.shift = 1
            case "fen", "hundredths": value.shift = 2
            case "thousandths": value.shift = 3
            case "tenThousandths": value.shift = 4
            default:
                report(
                    "ING205", "Unknown unit", place(unit),
                    "Use yuan, jiao, fen, tenths, hundredths, thousandths or tenThousandths")
            }
        }
        value.onMalformed = failure(map["malformed"]) ?? .reject
        value.onUnmapped = failure(map["unmapped"]) ?? .unknown
        value.nulls = strings(map["nulls"])
        return value
    }

    private mutating func form(_ map: Node.Mapping, _ node: Node, _ maps: Node.Mapping?) -> ValueForm? {
        let forms = ["column", "constant", "concat", "first", "pseudonym", "lookup"].filter { map[$0] != nil }
        guard forms.count == 1 else {
            report(
                "ING205", "A value needs exactly one of column, constant, concat, first, pseudonym, lookup",
                place(node), "See docs/mapping.md")
            return nil
        }
        if let column = string(map["column"]) { return .column(column) }
        if let constant = string(map["constant"]) { return .constant(constant) }
        if let parts = map["concat"] {
            return .joined(list(parts).compactMap { value($0, maps) }, separator: string(map["separator"]) ?? "")
        }
        if let parts = map["first"] { return .first(list(parts).compactMap { value($0, maps) }) }
        if let pseudonym = map["pseudonym"]?.mapping {
            expect(pseudonym, ["kind", "number"], "pseudonym")
            guard let number = pseudonym["number"].flatMap({ value($0, maps) }) else {
                report(
                    "ING205", "A pseudonym needs number", place(node),
                    "Write pseudonym: {kind: psn_cert_type, number: certno}")
                return nil
            }
            return .pseudonym(kind: pseudonym["kind"].flatMap { value($0, maps) }, number: number)
        }
        if let lookup = map["lookup"]?.mapping {
            expect(lookup, ["source", "key", "match", "take"], "lookup")
            if let source = string(lookup["source"]), let key = lookup["key"].flatMap({ value($0, maps) }),
                let match = string(lookup["match"]), let take = string(lookup["take"])
            {
                return .lookup(source: source, key: key, match: match, take: take)
            }
        }
        report("ING205", "The value's form is incomplete", place(node), "See docs/mapping.md")
        return nil
    }

    private mutating func pairs(_ node: Node, _ maps: Node.Mapping?) -> [(String, String)] {
        if let name = node.string {
            guard let named = maps?[Node(name)] else {
                report("ING209", "No map is called \(name)", place(node), "Add it under maps:")
                return []
            }
            return pairs(named, nil)
        }
        guard let map = node.mapping else {
            report("ING205", "A map is a list of value: meaning", place(node), "Write map: {\"1\": M, \"2\": F}")
            return []
        }
        return map.compactMap { key, value in
            guard let from = string(key) else { return nil }
            return (from, string(value) ?? "")
        }
    }

    private mutating func failure(_ node: Node?) -> TableProgram.Failure? {
        guard let node else { return nil }
        switch string(node) {
        case "reject": return .reject
        case "unknown": return .unknown
        default:
            report("ING205", "What to do is reject or unknown", place(node), "Write reject or unknown")
            return nil
        }
    }
}
