/// The tables that describe the city itself: institutions, departments, wards, staff, catalogue.
extension CityRun {
    func writeMasterTables() throws(CityError) -> [TextFile] {
        let folder = register.folder
        let calendarStart = calendar.anyText(-3653)
        let institutions = try TextFile(
            folder: folder, name: "institution.csv", header: "code,name,kind,level,ownership,group,area")
        let agreements = try TextFile(folder: folder, name: "agreement.csv", header: "institution,from,to")
        for institution in town.institutions {
            institutions.cell(institution.code)
            institutions.cell(institution.name)
            institutions.cell(institution.kind.rawValue)
            institutions.cell(institution.level)
            institutions.cell(institution.isPublic ? "public" : "private")
            institutions.cell(institution.group)
            institutions.add(institution.area)
            institutions.endRow()
            agreements.cell(institution.code)
            agreements.cell(calendarStart)
            agreements.endRow()
        }
        let departments = try TextFile(
            folder: folder, name: "department.csv", header: "code,institution,name,kind")
        for department in town.departments {
            departments.cell(department.code)
            departments.cell(town.institutions[department.institution].code)
            departments.cell(department.specialty.name)
            departments.add("\(department.specialty)")
            departments.endRow()
        }
        let wards = try TextFile(folder: folder, name: "ward.csv", header: "code,institution,name,beds")
        for ward in town.wards {
            let department = town.departments[ward.department]
            wards.cell(ward.code)
            wards.cell(town.institutions[department.institution].code)
            wards.cell(department.specialty.name + "病区")
            wards.add(ward.beds)
            wards.endRow()
        }
        return [institutions, agreements, departments, wards] + (try writeStaff()) + [try writeItems()]
    }

    private func writeStaff() throws(CityError) -> [TextFile] {
        let folder = register.folder
        let practitioners = try TextFile(
            folder: folder, name: "practitioner.csv", header: "code,name,institution,title")
        let eligibility = try TextFile(folder: folder, name: "eligibility.csv", header: "practitioner,from,to")
        let surnames = ["赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈", "褚", "卫"]
        for (number, practitioner) in town.practitioners.enumerated() {
            practitioners.cell(practitioner.code)
            practitioners.cell(surnames[number % surnames.count] + "医师\(number + 1)")
            practitioners.cell(town.institutions[practitioner.institution].code)
            practitioners.add(practitioner.title)
            practitioners.endRow()
            eligibility.cell(practitioner.code)
            eligibility.cell(calendar.anyText(-1461))
            if let last = practitioner.lastEligibleDay { eligibility.add(calendar.text(last)) }
            eligibility.endRow()
        }
        return [practitioners, eligibility]
    }

    private func writeItems() throws(CityError) -> TextFile {
        let items = try TextFile(
            folder: register.folder, name: "item.csv", header: "code,name,kind,ingredient,class,pack_size,unit")
        for item in catalogue.items {
            items.cell(item.code)
            items.cell(item.name)
            items.cell(item.kind.word)
            items.cell(item.ingredient)
            items.cell(item.itemClass)
            items.cell(item.pack)
            items.add(item.unit)
            items.endRow()
        }
        return items
    }
}
