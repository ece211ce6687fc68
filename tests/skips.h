// Tests that need what a machine may lack: they are skipped and say so.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

namespace quantdyn::test {

/// A decorator: BOOST_AUTO_TEST_CASE(name, *needs("a mounted disk", can_mount)). Where `is_there`
/// is false the case is skipped, and main.h tells that at the end of the program.
inline boost::unit_test::precondition needs(const std::string& what,
                                            const std::function<bool()>& is_there) {
  return boost::unit_test::precondition([=](boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result out(is_there());
    if (!out) out.message() << "needs " << what;
    return out;
  });
}

inline boost::unit_test::precondition needs_file(const std::filesystem::path& file) {
  return needs(file.string(), [=] { return std::filesystem::is_regular_file(file); });
}

/// The folder of CIFAR-10's binary files.
inline boost::unit_test::precondition needs_cifar10() {
  return needs("QUANTDYN_CIFAR10 to name a folder with data_batch_1.bin", [] {
    const char* const folder = std::getenv("QUANTDYN_CIFAR10");
    return folder &&
           std::filesystem::is_regular_file(std::filesystem::path(folder) / "data_batch_1.bin");
  });
}

}  // namespace quantdyn::test
