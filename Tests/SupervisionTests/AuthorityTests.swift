import Foundation
import Knowledge
import Testing

@testable import Supervision

/// The shipped file.
enum Shipped {
    static let folder =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path + "/knowledge"

    static func bytes(_ file: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + file)))
    }

    static func authority() throws -> Authority { try #require(Authority.read(knowledge: folder).authority) }
}

@Suite("Authority")
struct AuthorityTests {
    /// The file read another way: each grant as written, no table. Slow and plain.
    private struct Plain {
        struct Grant {
            let lists: [String: Set<String>]
            let fields: [String: String]
        }
        let grants: [Grant]

        init(_ bytes: [UInt8]) throws {
            let root = try #require(YamlDocument.read(bytes, file: "x").document).root
            grants = (root["grants"]?.elements ?? []).map { node in
                var lists: [String: Set<String>] = [:]
                for key in ["features", "roles", "area", "department", "state"] {
                    lists[key] = node[key]?.elements.map { Set($0.compactMap(\.string)) }
                }
                var fields: [String: String] = [:]
                for (key, value) in node["fields"]?.pairs ?? [] { fields[key.string ?? ""] = value.string }
                return Grant(lists: lists, fields: fields)
            }
        }

        func decide(_ feature: String, _ roles: Set<String>, _ place: Authority.Place?) -> Authority.Decision {
            let hits = grants.filter { grant in
                guard grant.lists["features"]?.contains(feature) == true,
                    grant.lists["roles"]?.isDisjoint(with: roles) == false
                else { return false }
                guard let place else { return grant.lists["area"] == nil }
                return grant.lists["area"]?.contains(place.area.rawValue) == true
                    && grant.lists["department"]?.contains(place.department.rawValue) == true
                    && grant.lists["state"]?.contains(place.state.rawValue) == true
            }
            var showing: [String: Authority.Showing] = [:]
            for (field, word) in hits.flatMap(\.fields) {
                showing[field] = word == "plain" || showing[field] == .plain ? .plain : .masked
            }
            return hits.isEmpty ? .denied : Authority.Decision(isAllowed: true, showing: showing)
        }
    }

    private static func allPlaces(_ feature: Authority.Feature) -> [Authority.Place?] {
        feature.isAboutMatter ? Authority.Place.all : [nil]
    }

    @Test func everyCellIsWhatTheFileSays() throws {
        let authority = try Shipped.authority()
        let plain = try Plain(try Shipped.bytes("access/authority.yaml"))
        let pairs: [Set<String>] = [["head", "custodian"], ["officer", "auditor"], ["party", "institution"], []]
        var cells = 0
        var allowed = 0
        for feature in authority.features {
            for roles in authority.roles.map({ [$0.id] as Set<String> }) + pairs {
                for place in Self.allPlaces(feature) {
                    let decision = authority.decide(feature.id, roles: roles, at: place)
                    if decision != plain.decide(feature.id, roles, place) {
                        Issue.record("\(feature.id) \(roles) \(String(describing: place)): \(decision)")
                    }
                    cells += 1
                    if decision.isAllowed { allowed += 1 }
                }
            }
        }
        #expect(cells > 10_000 && allowed > 200)
    }

    @Test func whatNobodyWroteIsDenied() throws {
        let authority = try Shipped.authority()
        let place = Authority.Place(area: .own, department: .own, state: .open)
        #expect(authority.decide("matter.read", roles: ["officer"], at: place).isAllowed)
        #expect(!authority.decide("matter.burn", roles: ["officer"], at: place).isAllowed)
        #expect(!authority.decide("matter.read", roles: ["emperor"], at: place).isAllowed)
        #expect(!authority.decide("matter.read", roles: [], at: place).isAllowed)
        #expect(!authority.decide("matter.read", roles: ["officer"]).isAllowed, "a matter without a place")
        #expect(
            !authority.decide("rule.write", roles: ["rule_author"], at: place).isAllowed, "a place without a matter")
        #expect(authority.decide("matter.read", roles: ["officer"], at: place)["reporter"] == .absent)
    }

    /// Takes each grant away in turn: exactly what only it gave is gone.
    @Test func everyGrantCountsAndNoMore() throws {
        let text = String(decoding: try Shipped.bytes("access/authority.yaml"), as: UTF8.self)
        let start = try #require(text.range(of: "\ngrants:\n")).upperBound
        let grants = text[start...].split(separator: "\n  - ", omittingEmptySubsequences: true)
        let whole = try Shipped.authority()
        for index in grants.indices {
            var left = Array(grants)
            left.remove(at: index)
            let body = left.map { "  - " + $0.trimmingPrefix("  - ") }.joined(separator: "\n")
            let bytes = Array((text[..<start] + body).utf8)
            let plain = try Plain(bytes)
            // The reader may object that a feature has no holder now; the table is then compared through the plain reading.
            guard let authority = AuthorityReader.read(bytes, file: "x").authority else { continue }
            for feature in whole.features {
                for role in whole.roles {
                    for place in Self.allPlaces(feature) {
                        let decision = authority.decide(feature.id, roles: [role.id], at: place)
                        #expect(decision == plain.decide(feature.id, [role.id], place))
                    }
                }
            }
        }
    }

    @Test func administratorsSeeNoMatters() throws {
        let authority = try Shipped.authority()
        let administrators = authority.roles.filter(\.isAdministrator)
        #expect(administrators.map(\.id) == ["system_admin", "security_admin", "audit_admin"])
        for role in administrators {
            for feature in authority.features where feature.isAboutMatter {
                #expect(authority.places(of: feature.id, roles: [role.id]).isEmpty)
            }
        }
    }

    @Test func subjectsNeverKnowOfCovertAndSealedMatters() throws {
        let authority = try Shipped.authority()
        for feature in authority.features where feature.isAboutMatter {
            for role in ["institution", "party"] {
                for place in authority.places(of: feature.id, roles: [role]) {
                    #expect(place.area == .subject && [.open, .closed].contains(place.state))
                }
            }
        }
    }

    @Test func onlyTheCustodianSeesTheReporter() throws {
        let authority = try Shipped.authority()
        for feature in authority.features where feature.isAboutMatter {
            for role in authority.roles where role.id != "custodian" {
                for place in Authority.Place.all {
                    #expect(authority.decide(feature.id, roles: [role.id], at: place)["reporter"] == .absent)
                }
            }
        }
    }

    @Test func identityIsPlainOnlyWithAReason() throws {
        let authority = try Shipped.authority()
        for role in authority.roles where !["police", "procurator", "court"].contains(role.id) {
            for feature in ["matter.list", "matter.read", "matter.act", "matter.export"] {
                for place in Authority.Place.all {
                    #expect(authority.decide(feature, roles: [role.id], at: place)["identity"] < .plain)
                }
            }
        }
    }

    @Test(arguments: [
        ("roles: [officer, clerk, section_head]", "roles: [oficer]", "AUT004"),
        ("area: [own]", "areas: [own]", "AUT002 AUT003"),
        ("    state: [open, closed, covert]\n", "", "AUT003"),
        ("identity: masked, health: masked, internal: plain", "identity: hidden", "AUT009"),
        ("about: matter", "about: moon", "AUT006"),
        ("features: [rule.write]", "features: [rule.write, matter.read]", "AUT007"),
        ("features: [rule.write]\n", "features: [rule.write]\n    area: [own]\n", "AUT008"),
        ("features: [rule.write]", "features: [rule.approve]", "AUT010"),
        ("roles: [reviewer, panel_member", "roles: [audit_admin, panel_member", "AUT011"),
        ("  clerk: { name: 内勤 }\n", "  clerk: { name: 内勤 }\n  idler: { name: 闲人 }\n", "AUT012"),
        ("features: [trail.read]", "features: [trail.read, post.grant]", "AUT013"),
        ("grants:", "grant:", "AUT001 AUT002"),
        ("roles:\n", "roles: {\n", "YML005"),
    ])
    func mistakesAreNamedWithTheirPlace(old: String, new: String, codes: String) throws {
        let text = String(decoding: try Shipped.bytes("access/authority.yaml"), as: UTF8.self)
        let range = try #require(text.range(of: old))
        let (authority, diagnostics) = AuthorityReader.read(
            Array(text.replacingCharacters(in: range, with: new).utf8), file: "x")
        let wanted = codes.split(separator: " ").map(String.init)
        #expect(authority == nil && Set(diagnostics.map(\.code)) == Set(wanted))
    }
}
