import Casework

/// Which class a field of a matter is of, and how it looks masked (字段类别): the list in `knowledge/access/authority.yaml`,
/// else the kind of the field. A text that nobody listed is taken for an internal opinion: what is new is not shown to everybody.
package struct FieldPlace: Equatable, Sendable {
    package let fieldClass: String
    package let form: Mask.Form

    package init(fieldClass: String, form: Mask.Form) {
        self.fieldClass = fieldClass
        self.form = form
    }
}

extension Authority {
    /// The class of a field; `procedure.field` in the list goes before `field`.
    package func place(of field: Casework.Field, in procedure: String) -> FieldPlace {
        if let place = listed["\(procedure).\(field.id)"] ?? listed[field.id] { return place }
        switch field.kind {
        case .money, .split: return FieldPlace(fieldClass: "money", form: .whole)
        case .text: return FieldPlace(fieldClass: "internal", form: .whole)
        case .flag, .day, .month, .person, .organisation, .number, .choice:
            return FieldPlace(fieldClass: "general", form: .whole)
        }
    }

    /// The texts of a procedure that no class lists: their authors should say who may see them.
    package func unlistedTexts(of procedure: Procedure) -> [String] {
        procedure.fields.filter {
            $0.kind == .text && listed["\(procedure.id).\($0.id)"] == nil && listed[$0.id] == nil
        }.map(\.id)
    }
}

extension Mask {
    /// How a field looks masked.
    package enum Form: String, Sendable, CaseIterable {
        case name, number, phone, ending, mail, birth
        /// Nothing of it is left but that there is something.
        case whole

        package func masked(_ text: String) -> String {
            switch self {
            case .name: Mask.name(text)
            case .number: Mask.number(text)
            case .phone: Mask.phone(text)
            case .ending: Mask.ending(text)
            case .mail: Mask.mail(text)
            case .birth: Mask.birth(text)
            case .whole: text.isEmpty ? "" : "***"
            }
        }
    }
}
