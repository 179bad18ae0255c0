import Claims

/// Parameters in expressions: a constant, or, when it is dated, a choice by the focus row's day.
extension Checker {
    mutating func reportUnknownParameter(_ name: String, _ syntax: Syntax) {
        let guess = Suggestion.nearest(to: name, among: parameters.keys.sorted())
        report(
            syntax.offset, "RUL011", "the rule has no parameter `\(name)`",
            advice: guess.map { "did you mean `$\($0)`?" } ?? "declare it: `parameters: { \(name): … }`")
    }

    mutating func parameter(_ name: String, _ syntax: Syntax, _ frame: Frame) -> Expression? {
        guard let parameter = parameters[name] else {
            reportUnknownParameter(name, syntax)
            return nil
        }
        guard !parameter.later.isEmpty else { return constant(parameter.first, syntax) }
        guard let day = dating(syntax, frame) else { return nil }
        var branches: [(condition: Expression, result: Expression)] = []
        for step in parameter.later.reversed() {
            let start = made(.number(Int64(step.from)), .day, syntax)
            branches.append(
                (made(.compare(.greaterOrEqual, day, start), .boolean, syntax), constant(step.value, syntax)))
        }
        return made(.choose(branches: branches, otherwise: constant(parameter.first, syntax)), parameter.type, syntax)
    }

    /// The days on which a bound of the window changes, ascending.
    func boundSteps(of window: WindowSyntax?) -> [Int32] {
        let bounds: [Syntax?]
        switch window?.range {
        case .between(_, let low, let high, _): bounds = [low, high]
        case .run(let gap, _): bounds = [gap]
        case nil: bounds = []
        }
        var days: Set<Int32> = []
        for var bound in bounds.compactMap({ $0 }) {
            while case .negate(let inner) = bound.node { bound = inner }
            if case .parameter(let name) = bound.node { days.formUnion(parameters[name]?.later.map(\.from) ?? []) }
        }
        return days.sorted()
    }

    /// What `make` gives for the bounds of each span of days, chosen by the focus row's day. A window has constant
    /// bounds, so a dated bound is a choice among windows.
    mutating func dated(
        by steps: [Int32], _ syntax: Syntax, _ frame: Frame, make: (inout Checker) -> Expression?
    ) -> Expression? {
        guard !steps.isEmpty else { return make(&self) }
        defer { boundsDay = nil }
        guard let day = dating(syntax, frame), let first = make(&self) else { return nil }
        var branches: [(condition: Expression, result: Expression)] = []
        for step in steps.reversed() {
            boundsDay = step
            guard let result = make(&self) else { return nil }
            let start = made(.number(Int64(step)), .day, syntax)
            branches.append((made(.compare(.greaterOrEqual, day, start), .boolean, syntax), result))
        }
        return made(.choose(branches: branches, otherwise: first), first.type, syntax)
    }

    private func constant(_ constant: Constant, _ syntax: Syntax) -> Expression {
        switch constant {
        case .number(let mantissa, _): made(.number(mantissa), constant.type, syntax)
        case .text(let text): made(.text(text), .text, syntax)
        case .boolean(let flag): made(.boolean(flag), .boolean, syntax)
        case .day(let day): made(.number(Int64(day)), .day, syntax)
        }
    }

    /// The day that chooses among the values of a dated parameter: the focus row's; of a group its day, else the first
    /// day of the period that is among its keys, so that all members agree.
    private mutating func dating(_ syntax: Syntax, _ frame: Frame) -> Expression? {
        let path: [String]
        switch frame {
        case .focus, .group: path = []
        case .related, .explicit: path = ["this"]
        }
        // A filter of a group rule looks at each member by itself.
        if case .focus = frame { return self.path(path + ["day"], syntax, frame) }
        guard !keys.isEmpty else { return self.path(path + ["day"], syntax, frame) }
        for name in ["day", "week", "month", "quarter", "year"] {
            let before = diagnostics.count
            if let found = self.path(path + [name], syntax, frame), found.type == .day,
                Derivation.firstFree(found, keys: keys) == nil
            {
                return found
            }
            diagnostics.removeSubrange(before...)
        }
        report(
            syntax.offset, "RUL037", "a dated parameter cannot be chosen: the group has neither a day nor a period",
            advice: "add day, month, quarter or year to the keys, or use a plain parameter")
        return nil
    }
}
