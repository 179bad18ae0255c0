import Database

/// The tables of this module. Their steps are the files in `Migrations`, kept for ever.
package let supervisionTables = MigrationFamily(
    "supervision",
    [
        Migration(1, "directory", String(decoding: PackageResources.step_0001_directory_sql, as: UTF8.self)),
        Migration(2, "matters", String(decoding: PackageResources.step_0002_matters_sql, as: UTF8.self)),
        Migration(3, "doors", String(decoding: PackageResources.step_0003_doors_sql, as: UTF8.self)),
        Migration(4, "ledger", String(decoding: PackageResources.step_0004_ledger_sql, as: UTF8.self)),
        Migration(5, "evidence", String(decoding: PackageResources.step_0005_evidence_sql, as: UTF8.self)),
        Migration(6, "lists", String(decoding: PackageResources.step_0006_lists_sql, as: UTF8.self)),
        Migration(7, "absence", String(decoding: PackageResources.step_0007_absence_sql, as: UTF8.self)),
        Migration(8, "turns", String(decoding: PackageResources.step_0008_turns_sql, as: UTF8.self)),
    ])
