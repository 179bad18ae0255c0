import CKernels

/// Loops over whole columns that the processor's wide instructions make several times quicker.
package enum ColumnLoops {
    /// How many rows more than it gets a list must have room for.
    package static let slack = 16

    /// Puts each row down in the list of every role that its code has, in order; a code below zero has none.
    ///
    /// Role b is bit b of `roles[code]`. Each of the lists has room for all rows and `slack` more; `counts` gets how long
    /// they are.
    package static func lists(
        byRoleOf codes: UnsafePointer<Int32>, count: Int, roles: UnsafePointer<UInt32>,
        into lists: UnsafeBufferPointer<UnsafeMutablePointer<Int32>?>, counts: UnsafeMutablePointer<Int>
    ) {
        yj_lists_by_role(codes, count, roles, lists.count, lists.baseAddress, counts)
    }

    /// `products[i] = a[i] × b[i]`, wrapping around; `products` may be `a` or `b`.
    package static func multiply(
        _ a: UnsafePointer<Int64>, _ b: UnsafePointer<Int64>, into products: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_multiply_i64(products, a, b, count)
    }

    /// `products[i] = a[i] × factor`, wrapping around.
    package static func multiply(
        _ a: UnsafePointer<Int64>, by factor: Int64, into products: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_multiply_by_i64(products, a, factor, count)
    }

    /// `sums[i] = a[i] + b[i]`, wrapping around.
    package static func add(
        _ a: UnsafePointer<Int64>, _ b: UnsafePointer<Int64>, into sums: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_add_i64(sums, a, b, count)
    }

    /// `differences[i] = a[i] − b[i]`, wrapping around.
    package static func subtract(
        _ a: UnsafePointer<Int64>, _ b: UnsafePointer<Int64>, into differences: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_subtract_i64(differences, a, b, count)
    }

    /// `magnitudes[i] = |a[i]|`, wrapping around.
    package static func absolute(
        _ a: UnsafePointer<Int64>, into magnitudes: UnsafeMutablePointer<Int64>, count: Int
    ) {
        yj_absolute_i64(magnitudes, a, count)
    }

    /// How two columns are compared.
    package enum Relation: Int32 { case less, lessOrEqual, greater, greaterOrEqual, equal, notEqual }

    /// Puts down `first + i` for every row i in which the relation holds; answers how many there are. `rows` has room for
    /// all rows and `slack` more.
    package static func rows(
        where relation: Relation, _ a: UnsafePointer<Int64>, _ b: UnsafePointer<Int64>, count: Int, first: Int,
        into rows: UnsafeMutablePointer<Int32>
    ) -> Int {
        yj_rows_where_i64(relation.rawValue, a, b, count, Int32(truncatingIfNeeded: first), rows)
    }

    /// `target[i] = source[i] − base`. False when one of them lies outside `0..<limit`.
    package static func rebase(
        _ source: UnsafePointer<Int32>, by base: Int32, limit: Int, into target: UnsafeMutablePointer<Int32>, count: Int
    ) -> Bool {
        yj_rebase_i32(target, source, base, UInt32(truncatingIfNeeded: limit), count) == 0
    }

    /// `ends[p]` becomes one more than the last row whose parent is p, for every parent that occurs.
    package static func ends(
        byParent parents: UnsafePointer<Int32>, count: Int, into ends: UnsafeMutablePointer<Int32>
    ) {
        yj_ends_by_parent(parents, count, ends)
    }

    /// What the number of a row is held against, by its code: clear inside an interval of 32 bits.
    package struct Interval {
        private let low: Int32
        private let high: Int32
        /// The next interval of the same code; -1: none.
        package var next: Int32 = -1
        /// Which of the columns of numbers it is about.
        package let source: Int32

        /// As much of `low...high` as lies within 32 bits: what is inside this is inside that.
        package init(low: Int64, high: Int64, source: Int) {
            let isEmpty = low > Int64(Int32.max) || high < Int64(Int32.min) || low > high
            self.low = isEmpty ? Int32.max : Int32(clamping: low)
            self.high = isEmpty ? Int32.min : Int32(clamping: high)
            self.source = Int32(source)
        }
    }

    /// A column of numbers, of the rows themselves or of their parents.
    package struct Numbers {
        package let values: UnsafePointer<Int64>
        private let byParent: Int64
        package var isByParent: Bool { byParent != 0 }

        package init(_ values: UnsafePointer<Int64>, isByParent: Bool) {
            self.values = values
            byParent = isByParent ? -1 : 0
        }
    }

    /// Puts down those of the rows whose number lies outside the interval of their code, or whose code has further
    /// intervals; answers how many there are. No code of these rows is below zero; `outside` has room for all and
    /// `slack` more.
    package static func rows(
        _ rows: UnsafeBufferPointer<Int32>, codes: UnsafePointer<Int32>, parents: UnsafePointer<Int32>,
        outside intervals: UnsafePointer<Interval>, of numbers: UnsafePointer<Numbers>,
        into outside: UnsafeMutablePointer<Int32>
    ) -> Int {
        // Both are laid out as C lays them out; a test holds them against each other.
        yj_rows_outside(
            rows.baseAddress, rows.count, codes, parents,
            UnsafeRawPointer(intervals).assumingMemoryBound(to: yj_interval.self),
            UnsafeRawPointer(numbers).assumingMemoryBound(to: yj_numbers.self), outside)
    }

    /// Puts down the rows whose value is above zero, and where they are wanted those without one; answers how many there
    /// are. `rows` has room for all and `slack` more.
    package static func rows(
        aboveZero values: UnsafePointer<Int32>, validity: UnsafePointer<UInt8>?, keepsUnknown: Bool, count: Int,
        into rows: UnsafeMutablePointer<Int32>
    ) -> Int {
        yj_rows_above_zero_i32(values, validity, keepsUnknown ? 1 : 0, count, rows)
    }

    /// How many bits the longest of the values has; a negative number is as long as its complement.
    package static func bits(_ values: UnsafePointer<Int64>, count: Int) -> Int {
        64 - yj_magnitude_i64(values, count).leadingZeroBitCount
    }
}
