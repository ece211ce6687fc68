#include "layers/fused/products.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "tests/every_target.h"
#include "tests/layers/fused/random_values.h"

namespace quantdyn {

using test::random_values;

namespace {

/// Factors of a product whose lines, rows, segments and steps all lie apart.
struct Factors {
  ProductShape shape;
  std::vector<float> a, b, packed;
  LeftFactor left;

  explicit Factors(const ProductShape& s) : shape(s) {
    const int64_t step = 2, segment = shape.length * step + 1;
    const int64_t row = shape.segments * segment + 3, line = shape.rows * row + 5;
    const int64_t depth = shape.segments * shape.length;
    a = random_values(shape.lines * line, 1);
    b = random_values(depth * shape.columns, 2);
    packed.resize(b.size());
    pack();
    left = {a.data(), line, row, segment, step};
  }

  /// For the instruction set that is chosen.
  void pack() {
    pack_columns({b.data(), shape.columns, 1}, shape.segments * shape.length, shape.columns,
                 packed.data());
  }

  /// One element, by the chain of multiply-adds that multiply() promises.
  float element(int64_t l, int64_t i, int64_t j) const {
    float sum = 0;
    for (int64_t s = 0; s < shape.segments; ++s)
      for (int64_t k = 0; k < shape.length; ++k)
        sum = std::fma(left.data[l * left.line + i * left.row + s * left.segment + k * left.step],
                       b[(s * shape.length + k) * shape.columns + j], sum);
    return sum;
  }

  /// Elements that are further than `tolerance` from element(); each was 1 and may have been added
  /// to.
  int wrong(const RightFactor& right, Accumulate accumulate, float tolerance = 0) const {
    const int64_t row = shape.columns + 2, line = shape.rows * row + 1;
    std::vector<float> to(static_cast<size_t>(shape.lines * line), 1.0f);
    multiply(shape, left, right, {to.data(), line, row}, accumulate);
    int count = 0;
    for (int64_t l = 0; l < shape.lines; ++l)
      for (int64_t i = 0; i < shape.rows; ++i)
        for (int64_t j = 0; j < row; ++j) {
          float expected = 1;  // after the columns nothing is written
          if (j < shape.columns)
            expected = element(l, i, j) + (accumulate == Accumulate::yes ? 1.0f : 0.0f);
          count += !(std::abs(to[l * line + i * row + j] - expected) <= tolerance);
        }
    return count;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(products_test)

/// Without fused multiply-add a product is rounded before it is added.
BOOST_AUTO_TEST_CASE(every_element_is_one_chain_of_multiply_adds) {
  std::vector<Factors> all;
  for (int64_t rows : {1, 2, 5, 6, 7, 8, 9, 33})
    for (int64_t columns : {1, 3, 4, 16, 17, 32, 64, 130})
      for (int64_t length : {1, 3, 64}) all.emplace_back(ProductShape{2, rows, columns, 3, length});
  test::on_every_target([&](const std::string& target) {
    const float tolerance = test::has_fused_multiply_add(target) ? 0 : 1e-4f;
    for (Factors& factors : all) {
      const auto& [lines, rows, columns, segments, length] = factors.shape;
      factors.pack();
      for (Accumulate accumulate : {Accumulate::no, Accumulate::yes}) {
        BOOST_TEST(factors.wrong({factors.packed.data(), 0}, accumulate, tolerance) == 0,
                   target << " packed " << rows << " " << columns << " " << length);
        BOOST_TEST(factors.wrong({factors.b.data(), columns}, accumulate, tolerance) == 0,
                   target << " row-major " << rows << " " << columns << " " << length);
      }
    }
  });
}

BOOST_AUTO_TEST_CASE(a_transposed_matrix_packs_to_the_same) {
  const int64_t rows = 37, columns = 83;
  const std::vector<float> by_rows = random_values(rows * columns, 3);
  std::vector<float> by_columns(by_rows.size()), one(by_rows.size()), other(by_rows.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) by_columns[j * rows + i] = by_rows[i * columns + j];
  pack_columns({by_rows.data(), columns, 1}, rows, columns, one.data());
  pack_columns({by_columns.data(), 1, rows}, rows, columns, other.data());
  BOOST_TEST(one == other, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rows_pack_to_where_all_columns_do) {
  const int64_t rows = 37, columns = 83;
  const std::vector<float> from = random_values(rows * columns, 3);
  std::vector<float> all(from.size()), piecewise(from.size());
  pack_columns({from.data(), columns, 1}, rows, columns, all.data());
  for (int64_t first = 0; first < rows; first += 20)
    pack_rows({from.data(), columns, 1}, first, std::min<int64_t>(20, rows - first), rows, columns,
              piecewise.data());
  BOOST_TEST(all == piecewise, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_rows_write_nothing) {
  const Factors factors({2, 0, 5, 1, 3});
  BOOST_TEST(factors.wrong({factors.packed.data(), 0}, Accumulate::no) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace quantdyn
