/// An expression as it was written, before its names have a meaning.
struct Syntax: Sendable {
    /// Byte offset in the text.
    let offset: Int
    let node: Node

    indirect enum Node: Sendable {
        case number(String)
        case text(String)
        case boolean(Bool)
        case date(String)
        case parameter(String)
        /// `encounter.setting`, `this.day`, `cap.limit`.
        case path([String])
        case not(Syntax)
        case and([Syntax])
        case or([Syntax])
        case compare(Comparison, Syntax, Syntax)
        case between(Syntax, Syntax, Syntax)
        case oneOf(Syntax, [Syntax])
        case inList(arguments: [Syntax], list: Word, columns: [Word])
        case startsWith(Syntax, Syntax)
        case isKnown(Syntax)
        case arithmetic(Arithmetic, Syntax, Syntax)
        case divide(Syntax, Syntax)
        case negate(Syntax)
        case call(Function, [Syntax])
        case choose([(condition: Syntax, result: Syntax)], Syntax)
        case aggregate(Aggregate.Function, Syntax?, WindowSyntax?)
    }

    enum Function: String, Sendable, CaseIterable {
        case round = "ROUND"
        case absolute = "ABS"
        case greatest = "GREATEST"
        case least = "LEAST"
        case coalesce = "COALESCE"
        case age = "AGE"
        case day = "DAY"
        case prefix = "PREFIX"
        case eligible = "ELIGIBLE"
        case contracted = "CONTRACTED"
        case entitled = "ENTITLED"

        /// How many arguments it takes.
        var arity: ClosedRange<Int> {
            switch self {
            case .round, .age, .prefix, .eligible, .contracted, .entitled: 2...2
            case .absolute, .day: 1...1
            case .greatest, .least, .coalesce: 2...32
            }
        }
    }
}

/// A name and its place.
struct Word: Sendable {
    let text: String
    let offset: Int
}

struct WindowSyntax: Sendable {
    struct Same: Sendable {
        let related: Syntax
        let focus: Syntax?
    }

    enum Unit: String, Sendable {
        case days = "DAYS"
        case seconds = "SECONDS"
        case minutes = "MINUTES"
        case hours = "HOURS"
    }

    enum Range: Sendable {
        case between(Unit, Syntax?, Syntax?, offset: Int)
        case run(Syntax, offset: Int)
    }

    let offset: Int
    let table: Word?
    let same: [Same]
    let range: Range?
    let filter: Syntax?
}

/// `alias = list-name(column = expression, …)`.
struct ListMatchSyntax: Sendable {
    let alias: Word?
    let list: Word
    let on: [(column: Word, expression: Syntax)]
}

/// `line`, or `group of line by person, PREFIX(item, 4) AS class`.
struct UnitSyntax: Sendable {
    struct Key: Sendable {
        let expression: Syntax
        let name: Word?
        /// The key as it was written.
        let written: String
    }

    let table: Word
    let keys: [Key]?
}
