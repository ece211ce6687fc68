#define BOOST_TEST_MODULE layers
#include "tests/main.h"
