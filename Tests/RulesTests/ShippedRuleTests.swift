import Foundation
import Rules
import Testing

/// What every rule of the national package must say about itself (规则属性), and that its examples keep to it.
struct ShippedRuleTests {
    private static let root = URL(fileURLWithPath: Golden.folder).deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func plan(areas: [String] = []) throws -> Plan {
        let (plan, diagnostics) = PlanLoader.load(
            package: root.appendingPathComponent("knowledge").path, areas: areas)
        #expect(diagnostics.isEmpty, "\(diagnostics)")
        return try #require(plan)
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The 79 numbers of the catalogue.
    private static let catalogue =
        (1...30).map { String(format: "P%02d", $0) } + (1...28).map { String(format: "M%02d", $0) }
        + (1...21).map { String(format: "C%02d", $0) }

    @Test func everyRuleHasTheAttributesOfTheFramework() throws {
        for rule in try Self.plan().rules {
            #expect(!rule.place.theme.isEmpty, "\(rule.id) has no theme")
            #expect(
                !rule.place.scenes.isEmpty && rule.place.window != nil && !rule.place.subjects.isEmpty, "\(rule.id)")
            #expect(rule.disposition["after"] != nil, "\(rule.id) says nothing of the stage after settlement")
            #expect(!rule.behaviour.isEmpty, "\(rule.id) has no code of the act")
            // A suspicion is for people to judge: nothing is refused or blocked on it.
            let acts = Set(rule.disposition.values)
            #expect(
                rule.outcome == .violation || acts.isDisjoint(with: ["block", "refuse-payment"]),
                "\(rule.id) refuses on a suspicion")
        }
    }

    /// A rule's hits happen where the rule says that it looks.
    @Test func hitsHappenInTheScenesOfTheRule() throws {
        let words: [String: Rule.Place.Scene] = [
            "inpatient": .inpatient, "outpatient": .outpatient, "emergency": .outpatient, "chronic": .outpatient,
            "pharmacy": .pharmacy, "internet": .internet, "long-term-care": .longTermCare,
        ]
        for rule in try Self.plan().rules where !rule.place.scenes.contains(.crossArea) {
            for example in rule.cases where example.kind == .hit {
                let settings = example.given.split(whereSeparator: \.isWhitespace)
                    .filter { $0.hasPrefix("setting=") }.map { String($0.dropFirst(8)) }
                let scenes = Set(settings.compactMap { words[$0] })
                #expect(
                    scenes.isEmpty || !scenes.isDisjoint(with: rule.place.scenes),
                    "\(rule.id): \(example.title) happens in \(settings)")
            }
        }
    }

    /// At least 60 of the 79 are rules; the others stand on the page that says what they lack, and none stands nowhere.
    @Test func everyNumberOfTheCatalogueIsARuleOrIsSaidToLackEvidence() throws {
        let themes = Set(try Self.plan().rules.map(\.place.theme))
        let covered = Self.catalogue.filter(themes.contains)
        #expect(covered.count >= 60, "\(covered.count)")
        let page = try Self.text("docs/rules-not-decided.md")
        for number in Self.catalogue where !themes.contains(number) {
            #expect(page.contains("| \(number) |"), "\(number) is neither a rule nor on docs/rules-not-decided.md")
        }
    }

    /// Codes of acts stand in the list of acts.
    @Test func behaviourCodesAreKnown() throws {
        let rows = CommaSeparated.rows(try Self.text("knowledge/lists/behaviour.csv"))
        let known = Set(rows.dropFirst().map { $0[0] })
        for rule in try Self.plan().rules { #expect(known.contains(rule.behaviour), "\(rule.id) \(rule.behaviour)") }
    }

    /// The example area changes what it says it changes.
    @Test func theExampleAreaOverridesParametersPricesAndDispositionsAndAddsRules() throws {
        let national = try Self.plan()
        let local = try Self.plan(areas: ["379900"])
        #expect(local.packageHash != national.packageHash)
        let before = Dictionary(uniqueKeysWithValues: national.rules.map { ($0.id, $0) })
        let after = Dictionary(uniqueKeysWithValues: local.rules.map { ($0.id, $0) })
        let added = Set(after.keys).subtracting(before.keys)
        #expect(!added.isEmpty && added.allSatisfy { $0.hasPrefix("379900-") })
        let changed = before.values.filter { after[$0.id]?.version != $0.version }
        #expect(changed.contains { after[$0.id]?.disposition != $0.disposition })
        #expect(changed.contains { after[$0.id]?.disposition == $0.disposition && after[$0.id]?.grade == $0.grade })
        let prices = try #require(national.lists["price-ceiling"]?.rowCount)
        #expect(try #require(local.lists["price-ceiling"]?.rowCount) > prices)
    }
}
