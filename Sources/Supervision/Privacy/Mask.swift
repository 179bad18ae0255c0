/// How personal data is shown to whoever may not see it whole (脱敏). One form for each kind, everywhere.
package enum Mask {
    /// 姓名: the family name and a star for every other character; compound family names stay whole.
    package static func name(_ name: String) -> String {
        let isCompound = compoundSurnames.contains(String(name.prefix(2))) && name.count > 2
        let kept = isCompound ? 2 : 1
        guard name.count > kept else { return name.isEmpty ? "" : "*" }
        return name.prefix(kept) + String(repeating: "*", count: name.count - kept)
    }

    /// 证件号码: the first 3 and the last 4, never the day of birth, which with the area would tell who it is.
    package static func number(_ number: String) -> String {
        guard number.count >= 12 else { return String(repeating: "*", count: number.count) }
        return number.prefix(3) + String(repeating: "*", count: number.count - 7) + number.suffix(4)
    }

    /// 手机: 3 and 4.
    package static func phone(_ phone: String) -> String {
        guard phone.count >= 11 else { return String(repeating: "*", count: phone.count) }
        return phone.prefix(3) + String(repeating: "*", count: phone.count - 7) + phone.suffix(4)
    }

    /// 银行卡、病历号: the last 4.
    package static func ending(_ text: String) -> String {
        guard text.count > 8 else { return String(repeating: "*", count: text.count) }
        return String(repeating: "*", count: text.count - 4) + text.suffix(4)
    }

    /// 邮箱: the first character and the domain.
    package static func mail(_ mail: String) -> String {
        guard let at = mail.firstIndex(of: "@"), at != mail.startIndex else {
            return String(repeating: "*", count: mail.count)
        }
        return mail.prefix(1) + "***" + mail[at...]
    }

    /// 出生日期: the year.
    package static func birth(_ day: String) -> String { day.count >= 4 ? day.prefix(4) + "-**-**" : "****" }

    static let compoundSurnames: Set<String> = [
        "欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛", "尉迟", "公羊", "赫连", "澹台",
        "皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容", "仲孙", "钟离", "长孙", "宇文", "司徒", "鲜于", "司空", "闾丘",
        "子车", "亓官", "司寇", "巫马", "公西", "颛孙", "壤驷", "公良", "漆雕", "乐正", "宰父", "谷梁", "拓跋", "夹谷", "轩辕", "令狐",
        "段干", "百里", "呼延", "东郭", "南门", "羊舌", "微生", "梁丘", "左丘", "东门", "西门",
    ]
}
