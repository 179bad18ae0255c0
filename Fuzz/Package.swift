// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the normal build neither compiles nor instruments any of this. Its module folders are
// links to ../Sources: code that is `package` to the house is `package` here too.
let settings: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "yijian-fuzz",
    dependencies: [.package(url: "https://github.com/jpsim/Yams", exact: "6.2.2")],
    targets: [
        .target(name: "CKernels"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto"),
        .target(name: "Columns", dependencies: ["CKernels", "CCrypto"], swiftSettings: settings),
        .target(name: "Claims", dependencies: ["Columns"], swiftSettings: settings),
        .target(name: "Knowledge", dependencies: ["Columns", yams], swiftSettings: settings),
        .target(name: "Rules", dependencies: ["Knowledge", "Claims", "Columns"], swiftSettings: settings),
        .target(name: "Ingest", dependencies: ["Claims", "Columns", yams], swiftSettings: settings),
        .target(name: "Wire", dependencies: ["Claims", "Columns", "Rules"], swiftSettings: settings),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .target(name: "Documents", dependencies: ["Claims", "CZlib"], swiftSettings: settings),
        .target(
            name: "Workshop", dependencies: ["Rules", "Knowledge", "Documents", "Claims", "Columns"],
            swiftSettings: settings),
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "yijian-fuzz",
            dependencies: [
                "CFuzzer", "Columns", "Claims", "Knowledge", "Rules", "Ingest", "Documents", "Workshop", "CZlib",
                "Wire",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
