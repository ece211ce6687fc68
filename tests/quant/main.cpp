#define BOOST_TEST_MODULE quant
#include "tests/main.h"
