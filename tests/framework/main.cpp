#define BOOST_TEST_MODULE framework
#include "tests/main.h"
