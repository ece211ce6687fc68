#define BOOST_TEST_MODULE stats
#include <boost/test/unit_test.hpp>
