import Claims
import Columns

/// What an import did: the balance of each table, why rows were refused, what the values looked like.
package struct IngestReport: Codable, Sendable {
    package struct TableBalance: Codable, Sendable, Equatable {
        package var table: Table
        package var read: Int
        package var kept: Int
        package var rejected: Int
        package var repeated: Int
        package var corrected: Int
        /// Part of `corrected`: taken back by a withdrawal.
        package var withdrawn: Int
        /// Records a condition left out; not part of `read`.
        package var leftOut: Int

        /// read = kept + rejected + repeated + corrected.
        package var isBalanced: Bool { read == kept + rejected + repeated + corrected }
    }

    package struct ReasonCount: Codable, Sendable, Equatable {
        package var code: String
        package var reason: String
        package var rows: Int
    }

    package struct FieldSummary: Codable, Sendable {
        package var table: Table
        package var field: String
        package var absent: Int
        package var farDays: Int
        package var firstDay: String?
        package var lastDay: String?
        package var unmapped: [UnmappedValue]
    }

    package struct UnmappedValue: Codable, Sendable {
        package var value: String
        package var rows: Int
    }

    package struct Phase: Codable, Sendable {
        package var name: String
        package var seconds: Double
    }

    package var mapping: String
    package var segment: String
    package var generation: Int?
    package var blocks: Int
    package var alreadyImported = false
    /// Readings of files that an earlier run of this import had finished and kept.
    package var filesTakenOver = 0
    package var balances: [TableBalance]
    package var reasons: [ReasonCount]
    package var fields: [FieldSummary]
    /// What the catalogue knows of the codes that were met.
    package var codes: [CodeSummary] = []
    /// Identity numbers that were made into pseudonyms, and those of them that cannot be right.
    package var identityNumbers = 0
    package var wrongIdentityNumbers = 0
    package var personsByReference: Int
    package var rejectsFile: String?
    package var warnings: [String]
    package var phases: [Phase]
    package var seconds: Double

    static func make(
        mapping: Mapping, mappingName: String, segment: String, blocks: Int, balances: [Table: Balance],
        rejects: [Reject], profiles: [(mapping: Int, profile: FieldProfile)], diagnostics: [MappingDiagnostic],
        personsByReference: Int, seconds: [(String, Double)], total: Double
    ) -> IngestReport {
        var counts: [RejectReason: Int] = [:]
        for reject in rejects { counts[reject.reason, default: 0] += 1 }
        return IngestReport(
            mapping: mappingName, segment: segment, generation: nil, blocks: blocks,
            balances: Table.allCases.compactMap { table in
                balances[table].map {
                    TableBalance(
                        table: table, read: $0.read, kept: $0.kept, rejected: $0.rejected, repeated: $0.repeated,
                        corrected: $0.corrected, withdrawn: $0.withdrawn, leftOut: $0.leftOut)
                }
            },
            reasons: RejectReason.allCases.compactMap { reason in
                counts[reason].map { ReasonCount(code: reason.code, reason: reason.sentence, rows: $0) }
            },
            fields: summaries(mapping, profiles), personsByReference: personsByReference, rejectsFile: nil,
            warnings: diagnostics.map(\.description), phases: seconds.map { Phase(name: $0.0, seconds: $0.1) },
            seconds: total)
    }

    private static func summaries(
        _ mapping: Mapping, _ profiles: [(mapping: Int, profile: FieldProfile)]
    ) -> [FieldSummary] {
        var result: [FieldSummary] = []
        for number in mapping.tables.indices {
            let parts = profiles.filter { $0.mapping == number }.map(\.profile)
            guard let first = parts.first else { continue }
            for (index, field) in first.fields.enumerated() {
                var unmapped: [String: Int] = [:]
                for part in parts where part.fields.count > index {
                    for (value, count) in part.unmappedCounts[index].enumerated() {
                        unmapped[part.unmapped[index][value].text, default: 0] += count
                    }
                }
                let same = parts.filter { $0.fields.count > index && $0.fields[index] == field }
                let firstDay = same.map { $0.firstDay[index] }.min() ?? .max
                let lastDay = same.map { $0.lastDay[index] }.max() ?? .min
                result.append(
                    FieldSummary(
                        table: mapping.tables[number].table, field: field,
                        absent: same.reduce(0) { $0 + $1.absent[index] },
                        farDays: same.reduce(0) { $0 + $1.farDays[index] },
                        firstDay: firstDay <= lastDay ? Day(number: firstDay).description : nil,
                        lastDay: firstDay <= lastDay ? Day(number: lastDay).description : nil,
                        unmapped: unmapped.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(10)
                            .map { UnmappedValue(value: $0.key, rows: $0.value) }))
            }
        }
        return result
    }
}
