#define BOOST_TEST_MODULE stats
#include "tests/main.h"
