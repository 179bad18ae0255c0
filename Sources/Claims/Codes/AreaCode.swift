/// A division of the insurance (医保区划, `admdvs`): province 2, city 2, county 2 digits, after GB/T 2260.
///
/// Beside divisions there are pools: `XXYY99` is a city's own pool, `XX9900` a province's.
package struct AreaCode: NationalCode {
    package enum Level: Hashable, Sendable { case nation, province, provincePool, city, cityPool, county }

    package static let system = "insurance division (医保区划)"

    package let text: String
    package let level: Level

    package init(_ written: String) throws(CodeFault) {
        let characters = try CodeCharacters(written, Self.system)
        try characters.length(6)
        try characters.digits(0..<6)
        text = characters.text
        let (province, city, county) = (characters.number(0..<2), characters.number(2..<4), characters.number(4..<6))
        if province == 0 {
            guard city == 0, county == 0 else {
                throw CodeFault(Self.system, .part("a city or county without a province"))
            }
            level = .nation
            return
        }
        guard Province.isKnown(province) else {
            throw CodeFault(Self.system, .part("no province has the first two digits"))
        }
        switch (city, county) {
        case (0, 0): level = .province
        case (0, _): throw CodeFault(Self.system, .part("a county without a city"))
        case (99, 0): level = .provincePool
        case (_, 0): level = .city
        case (_, 99): level = .cityPool
        default: level = .county
        }
    }

    /// The digits that count: those before the trailing pairs of zeros.
    package var significant: Substring {
        switch level {
        case .nation: text.prefix(0)
        case .province: text.prefix(2)
        case .city, .provincePool: text.prefix(4)
        case .county, .cityPool: text.prefix(6)
        }
    }

    /// Whether `other` lies in this division; a division covers itself, the nation covers all.
    package func covers(_ other: AreaCode) -> Bool { other.text.hasPrefix(significant) }
}
