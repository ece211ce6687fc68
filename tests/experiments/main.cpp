#define BOOST_TEST_MODULE experiments
#include "tests/main.h"
