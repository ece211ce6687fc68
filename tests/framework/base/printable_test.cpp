#include "framework/base/printable.h"

#include <boost/test/unit_test.hpp>

using namespace quantdyn;

BOOST_AUTO_TEST_SUITE(printable_test)

BOOST_AUTO_TEST_CASE(control_characters_become_escapes) {
  using namespace std::string_literals;
  BOOST_TEST(printable("a\x1b[31mb\0c\x7f\r"s) == "a\\u001b[31mb\\u0000c\\u007f\\u000d");
  BOOST_TEST(printable("\xc2\x9b"
                       "2J") == "\\u009b2J");          // a control sequence of one character
  BOOST_TEST(printable("\xe2\x80\xae") == "\\u202e");  // reverses what follows
  BOOST_TEST(printable("line\n\tline") == "line\n\tline");
}

BOOST_AUTO_TEST_CASE(utf8_stays_and_other_bytes_become_escapes) {
  const std::string text = "r\xc3\xa9sum\xc3\xa9 \xe2\x89\xa4 \xf0\x9f\x98\x80";
  BOOST_TEST(printable(text) == text);
  BOOST_TEST(printable("\xe9t\xe9") == "\\xe9t\\xe9");
  BOOST_TEST(printable("\xc0\xaf") == "\\xc0\\xaf");               // overlong
  BOOST_TEST(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");      // a surrogate
  BOOST_TEST(printable("\xf4\x90\x80\x80").starts_with("\\xf4"));  // beyond the last character
  BOOST_TEST(printable("\xe2\x82") == "\\xe2\\x82");               // cut
}

BOOST_AUTO_TEST_CASE(the_first_part_that_is_not_printable_is_found) {
  BOOST_TEST(!first_unprintable("a\tb\r\nc"));
  BOOST_TEST((*first_unprintable("ab\x1b"
                                 "c") == "\x1b"));
}

BOOST_AUTO_TEST_CASE(a_quoted_value_is_one_short_line) {
  BOOST_TEST(quotable("a\nb\tc") == "a\\u000ab\\u0009c");
  const std::string fits(200, 'x');
  BOOST_TEST(quotable(fits) == fits);
  BOOST_TEST(quotable(std::string(100'000, 'x') + "end") ==
             std::string(150, 'x') + "..." + std::string(47, 'x') + "end");
  std::string accents;
  for (int i = 0; i < 500; ++i) accents += "\xc3\xa9";
  BOOST_TEST(quotable("x" + accents).find("\\x") == std::string::npos);  // none is cut in two
}

BOOST_AUTO_TEST_SUITE_END()
