#include "tests/main.h"

int main(int argc, char* argv[]) { return quantdyn::test::main("framework", argc, argv); }
