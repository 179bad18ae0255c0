import Claims
import Knowledge
import Rules
import Testing

/// Expressions over single values: exact, three-valued, and never a trap.
struct ScalarTests {
    static let types: [String: ValueType] = [
        "a": .number(scale: 2), "b": .number(scale: 0), "t": .text, "d": .day, "f": .boolean, "u": .number(scale: 2),
        "$p": .number(scale: 1),
    ]
    static let values: [String: ScalarValue] = [
        "a": .number(1050, scale: 2), "b": .number(3, scale: 0), "t": .text("x"), "f": .flag(true),
        "d": .day(Day(number: 20_000)), "$p": .number(15, scale: 1),
    ]

    static func evaluate(_ text: String) -> String {
        let (expression, diagnostics) = ScalarExpression.read(
            SourceText(text, file: "t"), wanted: nil, known: Array(types.keys).sorted()
        ) { types[$0] }
        guard let expression else { return diagnostics.first?.code ?? "?" }
        return expression.value { values[$0] }?.description ?? "unknown"
    }

    @Test(arguments: [
        ("a + b", "13.50"), ("a * $p", "15.750"), ("ROUND(a * $p, 2)", "15.75"), ("ROUND(a / b, 2)", "3.50"),
        ("ROUND(a / 0, 2)", "unknown"), ("ROUND(0 - 1 / 3, 2)", "RUL013"), ("ROUND(1 / 8, 2)", "0.13"),
        ("a > u", "unknown"), ("a > u OR f", "true"), ("a > u AND NOT f", "false"), ("NOT (a > u)", "unknown"),
        ("u IS KNOWN", "false"), ("u IS UNKNOWN", "true"), ("COALESCE(u, a)", "10.50"), ("LEAST(a, u)", "unknown"),
        ("GREATEST(a, b)", "10.50"), ("t IN ('x', 'y')", "true"), ("t NOT IN ('x', 'y')", "false"),
        ("t <> 'x'", "false"), ("t > 'x'", "RUL012"), ("d + 1 - d", "1"), ("d - 1 < d", "true"),
        ("a BETWEEN 10 AND 11", "true"), ("a BETWEEN 11 AND u", "false"), ("a BETWEEN 10 AND u", "unknown"),
        ("CASE WHEN f THEN 1 ELSE 2 END", "1"), ("CASE WHEN u > 1 THEN 1 ELSE 2 END", "unknown"),
        ("9223372036854775807 + b", "unknown"), ("9223372036854775807 * 2", "unknown"),
        ("99999999999999999999", "unknown"),
        ("z + 1", "RUL007"), ("SUM(a)", "RUL015"), ("AGE(d, d)", "RUL015"), ("a / b", "RUL013"), ("a +", "RUL004"),
        ("DATE '2026-02-30' > d", "RUL019"), ("f + 1", "RUL012"), ("t STARTS WITH 'x'", "true"),
        ("9000000000000000000 > 0.01", "true"), ("0.01 < 9000000000000000000", "true"), ("ABS(0 - a)", "10.50"),
    ])
    func value(text: String, expected: String) { #expect(Self.evaluate(text) == expected) }
}
