// swift-tools-version: 6.2
import PackageDescription

// Warnings are errors in our targets; dependencies are few, with exact versions. Tests may look into our modules, but not into
// those of others, which compile quicker for it.
let strict: [SwiftSetting] = [
    .unsafeFlags(["-enable-testing"]),
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]

// Commands, casework, the workshop and tests wait for disks, people and the engine. Optimising them doubles the time from a
// fresh clone to the first finding and is felt nowhere (docs/adr/0022-what-is-optimised.md). YIJIAN_OPTIMIZE=all does it all.
let light: [SwiftSetting] =
    strict + (Context.environment["YIJIAN_OPTIMIZE"] == "all" ? [] : [.unsafeFlags(["-Onone"])])

let package = Package(
    name: "yijian",
    products: [.executable(name: "yijian", targets: ["yijian"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    ],
    targets: [
        // C: checksums and vector loops; knows no insurance word. Every loop has a portable twin.
        .target(name: "CKernels"),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        .target(
            name: "Columns", dependencies: ["CKernels", "CCrypto"],
            swiftSettings: strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .target(name: "Claims", dependencies: ["Columns"], swiftSettings: strict),
        .target(
            name: "Knowledge", dependencies: ["Columns", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(name: "Rules", dependencies: ["Knowledge", "Claims", "Columns"], swiftSettings: strict),
        // Its inner loops read class properties per row; the compiler's static exclusivity checks stay on.
        .target(
            name: "Audit", dependencies: ["Rules", "Claims", "Columns"],
            swiftSettings: strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        // As in Audit: its loops over rows keep their state in classes.
        .target(
            name: "Ingest", dependencies: ["Claims", "Columns", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .target(name: "Casework", dependencies: ["Rules", "Knowledge", "Claims"], swiftSettings: light),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "Documents", dependencies: ["Claims", "CZlib"], swiftSettings: strict),
        .target(
            name: "Workshop", dependencies: ["Rules", "Knowledge", "Documents", "Claims", "Columns"],
            swiftSettings: light),
        .systemLibrary(name: "CPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "Database", dependencies: ["Columns", "CPQ", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(name: "Ledger", dependencies: ["Columns", "CCrypto", "CZlib"], swiftSettings: strict),
        .target(
            name: "Supervision",
            dependencies: ["Casework", "Ledger", "Database", "Knowledge", "Claims", "Columns", "CCrypto"],
            resources: [.embedInCode("Migrations")], swiftSettings: light),
        .target(name: "City", dependencies: ["Claims"], swiftSettings: strict),
        .target(
            name: "Bureau", dependencies: ["Supervision", "Casework", "Claims", "Columns"], swiftSettings: light),
        .target(
            name: "Web",
            dependencies: [
                "Supervision", "Casework", "Documents", "Audit", "Ledger", "Rules", "Knowledge", "Claims", "Columns",
                "CCrypto",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"])]),
        .executableTarget(
            name: "yijian",
            dependencies: [
                "Web", "Ingest", "Audit", "Supervision", "Casework", "Ledger", "Database", "Documents", "Workshop",
                "City", "Bureau",
                "Rules",
                "Knowledge", "Claims", "Columns",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: light),

        // The slow interpreter that says what every rule means; tests compare the engine with it.
        .target(
            name: "Reference", dependencies: ["Rules", "Claims", "Columns"], path: "Tests/Reference",
            swiftSettings: strict),
        .testTarget(name: "ClaimsTests", dependencies: ["Claims"], swiftSettings: light),
        .testTarget(name: "BenchmarkTests", dependencies: ["Rules", "Reference"], swiftSettings: light),
        .testTarget(name: "ColumnsTests", dependencies: ["Columns"], swiftSettings: light),
        // Stores of both kinds for tests; the PostgreSQL server is the tests' own.
        .target(name: "StoreTesting", dependencies: ["Database"], path: "Tests/StoreTesting", swiftSettings: light),
        .testTarget(name: "DatabaseTests", dependencies: ["Database", "StoreTesting"], swiftSettings: light),
        .testTarget(
            name: "SupervisionTests",
            dependencies: [
                "Web", "Bureau", "Documents", "Supervision", "Casework", "Claims", "Database", "Ledger", "StoreTesting",
                "Trials",
                "yijian-trials",
            ], swiftSettings: light),
        // Attacks and killed writers: a few in the tests, thousands with `make campaign`.
        .target(
            name: "Trials", dependencies: ["Supervision", "Casework", "Database", "Ledger"], path: "Tests/Trials",
            exclude: ["Results"], swiftSettings: strict),
        .executableTarget(
            name: "yijian-trials", dependencies: ["Trials", "Database", "Ledger"], path: "Tests/TrialsCommand",
            swiftSettings: strict),
        .testTarget(name: "LedgerTests", dependencies: ["Ledger", "Trials", "yijian-trials"], swiftSettings: strict),
        // How long the parts of an answer take at the point of care, beside one another.
        .executableTarget(
            name: "yijian-pace", dependencies: ["Web", "Audit", "Rules", "Claims", "Columns"], path: "Tests/Pace",
            swiftSettings: light),
        .testTarget(
            name: "WebTests", dependencies: ["Web", "Ingest", "Ledger", "Reference"], swiftSettings: light),
        .testTarget(name: "RulesTests", dependencies: ["Rules", "Reference"], swiftSettings: light),
        .testTarget(
            name: "AuditTests", dependencies: ["Audit", "Ingest", "Reference"], swiftSettings: strict),
        .testTarget(name: "IngestTests", dependencies: ["Ingest", "Columns", "Claims"], swiftSettings: light),
        .testTarget(
            name: "WorkshopTests", dependencies: ["Workshop", "Rules", "Knowledge", "Documents"], swiftSettings: light),
        .testTarget(name: "CommandTests", dependencies: ["Audit", "Documents", "yijian"], swiftSettings: light),
        .testTarget(name: "CaseworkTests", dependencies: ["Casework", "Knowledge", "Claims"], swiftSettings: light),
        .testTarget(
            name: "CityTests", dependencies: ["City", "Audit", "Ingest", "Columns", "Rules"], swiftSettings: light),
    ]
)
