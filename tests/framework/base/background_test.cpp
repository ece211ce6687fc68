#include "framework/base/background.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <vector>

#include "framework/base/error.h"

namespace quantdyn {

BOOST_AUTO_TEST_SUITE(background_test)

BOOST_AUTO_TEST_CASE(jobs_run_in_order_and_wait_sees_them_done) {
  std::vector<int> done;
  Background background(2);
  for (int i = 0; i < 20; ++i) background.push([&done, i] { done.push_back(i); });
  background.wait();
  BOOST_TEST(done.size() == 20);
  BOOST_TEST(std::is_sorted(done.begin(), done.end()));
}

BOOST_AUTO_TEST_CASE(a_job_runs_beside_the_caller) {
  std::promise<void> go;
  std::atomic<bool> is_done = false;
  Background background(1);
  background.push([&] {
    go.get_future().wait();
    is_done = true;
  });
  BOOST_TEST(!is_done);  // push() did not wait for it
  go.set_value();
  background.wait();
  BOOST_TEST(is_done);
}

BOOST_AUTO_TEST_CASE(an_exception_comes_out_once_and_later_jobs_are_dropped) {
  std::promise<void> go;
  std::atomic<int> later = 0;
  Background background(4);
  background.push([&] {
    go.get_future().wait();
    throw_error<Error>("the disk is full");
  });
  background.push([&] { ++later; });
  go.set_value();
  BOOST_CHECK_EXCEPTION(background.wait(), Error,
                        [](const Error& e) { return std::string(e.what()) == "the disk is full"; });
  background.wait();
  BOOST_TEST(later == 0);
  background.push([&] { ++later; });
  background.wait();
  BOOST_TEST(later == 1);
}

BOOST_AUTO_TEST_CASE(the_destructor_finishes_what_was_pushed) {
  std::atomic<int> done = 0;
  {
    Background background(8);
    for (int i = 0; i < 8; ++i) background.push([&] { ++done; });
  }
  BOOST_TEST(done == 8);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace quantdyn
