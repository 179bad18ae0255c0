/// What pharmacies must keep besides their bills: trace-code scans and stock books (追溯码, 进销存).
extension CityRun {
    /// The first day on which a sale had to be scanned: 1 July of the year.
    var scanningFrom: Int { calendar.day(7, 1) }

    /// Notes one line of a pharmacy's bill: packs leave the shelf, and every pack is scanned.
    func noteSale(_ charge: Charge, line: Int, visit: Visit, person: [UInt8]) {
        let item = catalogue.items[charge.item]
        guard item.kind == .western || item.kind == .patent else { return }
        let packs = charge.quantity / 100
        let place = pharmacyPlace[visit.institution] * catalogue.items.count + charge.item
        sold[place * 12 + calendar.month[charge.day]] += Int32(packs)
        guard charge.day >= scanningFrom, scansAreAutomatic else { return }
        let original = charge.reverses.map { line - (visit.charges.count - 1 - $0) } ?? line
        for pack in 0..<abs(packs) {
            scan(
                trace: trace(item: charge.item, line: original, pack: pack), institution: visit.institution,
                item: charge.item, day: charge.day, second: charge.second + pack * 2,
                kind: packs > 0 ? "sale" : "return", person: person, line: line)
        }
    }

    /// The code on a pack: seven digits for the product, thirteen that no other pack has.
    func trace(item: Int, line: Int, pack: Int) -> String {
        let serial = ((line * 16 + pack) * 7_368_787 + 1_234_567) % 10_000_000_000_000
        return "81" + Register.padded(10_007 + item * 37, 5) + Register.padded(serial, 13)
    }

    /// Writes one scan and returns its identifier.
    @discardableResult
    func scan(
        trace: String, institution: Int, item: Int, day: Int, second: Int, kind: String, person: [UInt8], line: Int,
        split: Bool = false
    ) -> String {
        let file = register.scans
        let number = file.rows
        file.add(UInt8(ascii: "T"))
        file.add(number, digits: 10)
        file.comma()
        file.cell(trace)
        file.cell(town.institutions[institution].code)
        file.cell(catalogue.items[item].code)
        Register.addTime(day, second, calendar: calendar, to: file)
        file.comma()
        file.cell(kind)
        file.cell(person)
        register.addLineIdentifier(line, to: file)
        file.comma()
        file.add(split ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        file.endRow()
        return "T" + Register.padded(number, 10)
    }

    /// Writes every pharmacy's stock book: an opening count, purchases that always cover the sales, the sales.
    func writeStockBooks() {
        var random = SplitMix64(seed: plan.seed, purpose: 2, number: 0)
        for (institution, place) in pharmacyPlace.enumerated() where place >= 0 {
            for item in catalogue.items.indices {
                let start = (place * catalogue.items.count + item) * 12
                let year = sold[start..<start + 12].reduce(0) { $0 + Int($1) }
                guard year > 0 else { continue }
                let short = institution == town.stories.stockPharmacy ? plannedShortages[item] : nil
                if short != nil { shortageRows[item] = [] }
                var shelf = 10 + random.below(20)
                writeStock(institution, item, day: 0, kind: "opening", packs: shelf)
                for month in 0..<12 {
                    let sale = Int(sold[start + month])
                    let first = calendar.day(month + 1, 1)
                    if shelf < sale + 5, short == nil {
                        let bought = ((sale + 15 - shelf) / 10 + 1) * 10
                        writeStock(institution, item, day: first + random.below(3), kind: "purchase", packs: bought)
                        shelf += bought
                    }
                    if let short, month == 0 {
                        writeStock(institution, item, day: first + 1, kind: "purchase", packs: year - shelf - short)
                    }
                    if sale > 0 { writeStock(institution, item, day: first + 27, kind: "sale", packs: sale) }
                    shelf -= sale
                }
            }
        }
    }

    private func writeStock(_ institution: Int, _ item: Int, day: Int, kind: String, packs: Int) {
        let file = register.stock
        if institution == town.stories.stockPharmacy {
            shortageRows[item]?.append("K" + Register.padded(file.rows, 10))
        }
        file.add(UInt8(ascii: "K"))
        file.add(file.rows, digits: 10)
        file.comma()
        file.cell(town.institutions[institution].code)
        file.cell(catalogue.items[item].code)
        file.cell(calendar.text(day))
        file.cell(kind)
        file.decimal(packs * 100, scale: 2)
        file.endRow()
    }
}
