import Claims

/// What a rule may conclude about a unit (审核结果). Suspicion and violation are conclusions; undetermined says what
/// could not be known; clear is never written down.
package enum Outcome: String, Sendable, Hashable {
    case violation, suspicion, undetermined, clear, error
}

/// One audit rule (审核规则), parsed, type-checked and bound to its lists by name.
package struct Rule: Sendable {
    package private(set) var id: String
    package let name: String
    /// Where the rule stands in the national framework; says what people ask for, and has no part in the evaluation.
    package let place: Place
    /// The first 12 hexadecimal digits of the SHA-256 of the rule's file and its effective parameters.
    package let version: String
    /// policy, management or medical.
    package let category: String
    package let outcome: Outcome
    /// 1…3, as `sev_deg` of the national interface.
    package let grade: Int
    /// What a finding means at a stage: before, during, after → remind, ask-reason, block, refuse-payment, review, clue.
    package let disposition: [String: String]
    /// Service dates on which the rule applies (day numbers, inclusive).
    package let validFrom: Day?
    package let validTo: Day?
    package let unit: Unit
    package let lists: [ListMatch]
    package let filter: Expression?
    package let test: Expression
    /// The two sides of the deciding comparison, when there is one.
    package let value: Expression?
    package let limit: Expression?
    package let amount: AmountRule
    package let behaviour: String
    package let basis: [String]
    package let message: String
    package let cases: [RuleCase]
    package let file: String
    /// Its parameters as they hold after all areas, by name.
    package let parameters: [(name: String, value: Parameter)]
    /// How far this version has come.
    package var state = RuleState.released
    /// What it does not report, and why.
    package var suppressions: [Suppression] = []

    /// The mark of an identifier whose rule runs in shadow: no identifier of an author holds `~`.
    package static let shadowMark = "~shadow"

    /// Whether findings with this rule identifier are recorded only, and shown to nobody at the point of care.
    package static func isShadow(_ id: String) -> Bool { id.hasSuffix(shadowMark) }

    /// A parameter's value on a service day in the words of an author; of a dated one nothing is said without a day.
    package func parameter(_ name: String, on day: Day?) -> String? {
        guard let parameter = parameters.first(where: { $0.name == name })?.value else { return nil }
        guard day != nil || parameter.later.isEmpty else { return nil }
        return parameter.value(on: day?.number).shown
    }

    /// The rule beside its released version, under an identifier of its own.
    package var inShadow: Rule {
        var shadow = self
        shadow.id = id + Self.shadowMark
        shadow.state = .shadow
        return shadow
    }

    package init(
        id: String, name: String, place: Place = Place(), version: String, category: String, outcome: Outcome,
        grade: Int,
        disposition: [String: String], validFrom: Day?, validTo: Day?, unit: Unit, lists: [ListMatch],
        filter: Expression?, test: Expression, value: Expression?, limit: Expression?, amount: AmountRule,
        behaviour: String, basis: [String], message: String, cases: [RuleCase], file: String,
        parameters: [(name: String, value: Parameter)] = [], suppressions: [Suppression] = []
    ) {
        self.id = id
        self.name = name
        self.place = place
        self.version = version
        self.category = category
        self.outcome = outcome
        self.grade = grade
        self.disposition = disposition
        self.validFrom = validFrom
        self.validTo = validTo
        self.unit = unit
        self.lists = lists
        self.filter = filter
        self.test = test
        self.value = value
        self.limit = limit
        self.amount = amount
        self.behaviour = behaviour
        self.basis = basis
        self.message = message
        self.cases = cases
        self.file = file
        self.parameters = parameters
        self.suppressions = suppressions
    }

    /// The attributes that the framework gives every rule (规则属性) beside its logic.
    package struct Place: Sendable, Equatable {
        /// 应用场景: where care is given or a charge is made.
        package enum Scene: String, Sendable, CaseIterable {
            case inpatient, outpatient, pharmacy, internet
            case crossArea = "cross-area"
            case longTermCare = "long-term-care"
        }
        /// 时间区间: how far a finding looks.
        package enum Window: String, Sendable, CaseIterable {
            case visit, stay, prescription, operation, hour, day, week, month, quarter, year
            case insuranceYear = "insurance-year"
            case course, any
        }
        /// 监管对象: whose conduct is looked at.
        package enum Subject: String, Sendable, CaseIterable { case institution, practitioner, person }

        /// The number in the catalogue of rules (P01…P30, M01…M28, C01…C21) or of checks (T…, R…, W…, D…); several
        /// files may share one. Empty: none.
        package let theme: String
        package let scenes: [Scene]
        package let window: Window?
        package let subjects: [Subject]

        package init(theme: String = "", scenes: [Scene] = [], window: Window? = nil, subjects: [Subject] = []) {
            self.theme = theme
            self.scenes = scenes
            self.window = window
            self.subjects = subjects
        }
    }

    package enum Unit: Sendable {
        case row(Table)
        /// Rows of the table that share the keys. Key expressions are over `.focus`; `name` appears in the finding's key.
        case group(Table, keys: [Key])

        package var table: Table {
            switch self {
            case .row(let table), .group(let table, _): table
            }
        }
    }

    package struct Key: Sendable {
        package let name: String
        package let expression: Expression
        package init(name: String, expression: Expression) {
            self.name = name
            self.expression = expression
        }
    }

    /// The list rows that belong to a focus row: every `column = expression` holds.
    package struct ListMatch: Sendable {
        package let alias: String
        package let list: String
        package let on: [(column: Int, expression: Expression)]
        package init(alias: String, list: String, on: [(column: Int, expression: Expression)]) {
            self.alias = alias
            self.list = list
            self.on = on
        }
    }

    /// How the money at stake is derived.
    package enum AmountRule: Sendable {
        case lines
        case excess
        case encounter
        case none
        /// Per violating focus row, in yuan.
        case expression(Expression)
    }
}

/// An example that belongs to a rule: small tables and what the rule must say about them.
package struct RuleCase: Sendable {
    package enum Kind: String, Sendable {
        case hit
        case nearMiss = "near miss"
        case undetermined
    }
    package let kind: Kind
    package let title: String
    package let given: String
    package let expect: String
    package let position: SourcePosition
    package init(kind: Kind, title: String, given: String, expect: String, position: SourcePosition) {
        self.kind = kind
        self.title = title
        self.given = given
        self.expect = expect
        self.position = position
    }
}
