import ArgumentParser
import Documents

/// `yijian version`: which program this is.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() throws {
        try Terminal.show([json ? JSONText.members(["version": .text(Release.version)]).compact : Release.text])
    }
}
