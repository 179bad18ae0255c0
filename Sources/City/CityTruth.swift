#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What was planted in a city (真值表), read back from its `truth.csv`, and how well findings agree with it.
///
/// The unit of comparison is a flagged row under a rule: whichever way an engine groups rows into findings, the same
/// rows must be flagged.
package struct CityTruth: Sendable {
    package struct Planting: Sendable {
        package let story: String
        package let rule: String
        /// The table of the rows: line, encounter, scan or stock.
        package let kind: String
        package let keys: [String]
        /// False for a near miss, whose rows must stay clear of the rule.
        package let isHit: Bool
        package let note: String
    }

    /// Recall and precision of one rule over the whole city, and the stories it tells.
    package struct Score: Sendable, Equatable {
        package let rule: String
        package let stories: [String]
        package let planted: Int
        package let found: Int
        package let missed: [String]
        /// Flagged, but not planted.
        package let extra: [String]
        package let nearMisses: Int
        package let nearMissesFlagged: [String]

        package var recall: Double { planted == 0 ? 1 : Double(planted - missed.count) / Double(planted) }
        package var precision: Double { found == 0 ? 1 : Double(found - extra.count) / Double(found) }
        package var isPerfect: Bool { missed.isEmpty && extra.isEmpty && nearMissesFlagged.isEmpty }
    }

    package let plantings: [Planting]

    /// Reads the truth of a city that `City.generate` wrote.
    package init(folder: String) throws(CityError) {
        let path = folder + "/truth.csv"
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw .cannotRead(path: path, reason: "it is not there or not UTF-8")
        }
        var plantings: [Planting] = []
        for (number, line) in text.split(separator: "\n").enumerated().dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard cells.count == 6, cells[4] == "hit" || cells[4] == "near-miss" else {
                throw .cannotRead(path: path, reason: "row \(number + 1) is not one of a truth table")
            }
            plantings.append(
                Planting(
                    story: cells[0], rule: cells[1], kind: cells[2],
                    keys: cells[3].split(separator: ";").map(String.init), isHit: cells[4] == "hit", note: cells[5]))
        }
        self.plantings = plantings
    }

    /// Compares with the rows that were flagged under each rule; one score for each planted rule, in order of rules.
    package func scores(flagged: [String: Set<String>]) -> [Score] {
        Set(plantings.map(\.rule)).sorted().map { rule in
            let mine = plantings.filter { $0.rule == rule }
            let hits = Set(mine.filter(\.isHit).flatMap(\.keys))
            let nearMisses = Set(mine.filter { !$0.isHit }.flatMap(\.keys)).subtracting(hits)
            let found = flagged[rule] ?? []
            var stories: [String] = []
            for planting in mine where !stories.contains(planting.story) { stories.append(planting.story) }
            return Score(
                rule: rule, stories: stories, planted: hits.count, found: found.count,
                missed: hits.subtracting(found).sorted(), extra: found.subtracting(hits).sorted(),
                nearMisses: nearMisses.count, nearMissesFlagged: nearMisses.intersection(found).sorted())
        }
    }
}
