// Writes the made-up run into the folder it is given: what read_result.py reads.
#include "tests/experiments/results/fabricated_result.h"

int main(int, char** arguments) {
  quantdyn::fabricated::write(arguments[1]);
  return 0;
}
