import Audit
import Columns
import Synchronization

/// Takes a newer generation of the dataset into use when there is one (数据代更新): after a nightly absorption history is read
/// from fewer messages. What the service answers is the same before and after.
final class DatasetWatch: Sendable {
    private let folder: String
    private let care: PointOfCare
    private let refused = Mutex<Int?>(nil)

    init(folder: String, care: PointOfCare) {
        self.folder = folder
        self.care = care
    }

    func check() {
        guard let now = Dataset.currentGeneration(folder), now > 0, now != care.histories.generation,
            refused.withLock({ $0 }) != now
        else { return }
        do {
            let dataset = try Dataset.open(folder)
            care.histories.adopt(.init(dataset, care.keeper, try DatasetTimelines(dataset)))
            care.figures.add(.datasetsAdopted)
            care.log.event("dataset in use", [("generation", "\(dataset.generation)")])
        } catch {
            // Said once: the generation in use goes on.
            refused.withLock { $0 = now }
            care.figures.add(.datasetsRefused)
            care.log.event("dataset refused", [("generation", "\(now)"), ("why", "\(error)".limited(to: 300))])
        }
    }
}

extension Histories.Source {
    init(_ dataset: Dataset, _ keeper: any RecordKeeping, _ timelines: DatasetTimelines) {
        self.init(timelines: timelines, absorbed: JournalDelivery.position(dataset.notes, keeper))
    }
}
