/// A believable city-year of claims, made from a seed (故事城市).
///
/// Promises: equal plans give equal bytes; the background obeys every shipped rule; what does not is planted by the
/// stories and named in `truth.csv`, each hit with a near miss beside it.
package enum City {
    /// Writes the city's files into an existing folder; `progress` hears the share done, 0 to 100.
    package static func generate(
        _ plan: CityPlan, into folder: String, progress: (Int) -> Void = { _ in }
    ) throws(CityError) -> CitySummary {
        let run = try CityRun(plan: plan, folder: folder)
        let step = max(1, plan.persons / 100)
        for _ in 0..<plan.persons {
            let number = run.nextPersonNumber()
            if number % step == 0 { progress(number * 100 / plan.persons) }
            var life = Life(city: run, number: number)
            life.live()
        }
        let book = StoryBook(run)
        book.tellChargeStories()
        book.tellLimitStories()
        book.tellStayStories()
        book.tellPersonStories()
        run.writeStockBooks()
        book.tellStockTruth()
        let masters = try run.writeMasterTables()
        var files: [CitySummary.File] = []
        for file in run.register.files + masters {
            try file.finish()
            files.append(CitySummary.File(name: file.name, rows: file.rows, bytes: file.bytes))
        }
        progress(100)
        files.sort { $0.name < $1.name }
        return CitySummary(
            files: files, stories: book.stories, plantedHits: book.hits, plantedNearMisses: book.nearMisses)
    }
}
