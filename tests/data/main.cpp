#define BOOST_TEST_MODULE data
#include "tests/main.h"
