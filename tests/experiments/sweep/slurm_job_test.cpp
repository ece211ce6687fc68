// What Slurm would run, without Slurm: the scripts' texts, and what bash makes of them.
#include "experiments/sweep/slurm_job.h"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>

#include "experiments/sweep/sbatch.h"
#include "tests/experiments/output_folder.h"
#include "tests/experiments/program.h"

using namespace quantdyn;
using quantdyn::test::text_of;
namespace fs = std::filesystem;

namespace {

/// A folder whose programs are found before those of the system.
struct Bench : OutputFolder {
  fs::path folder = path / "it's \"a\" $1 %j";
  std::string before = std::getenv("PATH");

  Bench() {
    fs::create_directories(folder);
    ::setenv("PATH", (path.string() + ":" + before).c_str(), 1);
  }
  ~Bench() { ::setenv("PATH", before.c_str(), 1); }

  fs::path make(const fs::path& file, const std::string& text) const {
    std::ofstream(file) << text;
    ::chmod(file.c_str(), 0755);
    return file;
  }
  SlurmJob job(const std::string& program) const {
    return {.name = "study",
            .members = 40,
            .start = folder,
            .logs = folder / "slurm",
            .member = {make(folder / "member program", "#!/bin/bash\n" + program), "sweep run"},
            .table = {"quantdyn", "sweep", "table", "my file.yaml"}};
  }
  /// The exit code of the members' script as task 3; `meanwhile` knows its process as $task.
  int run(const SlurmJob& job, const std::string& meanwhile = "") const {
    make(path / "members.sh", members_script(job));
    make(path / "scontrol", "#!/bin/bash\necho \"$@\" >>" + (path / "requeued").string());
    const std::string command = fmt::format(
        "cd {0}; SLURM_ARRAY_TASK_ID=3 SLURM_JOB_ID=77 bash members.sh >out.txt 2>&1 & "
        "task=$!\n{1}\n"
        "wait $task",
        path.string(), meanwhile);
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

constexpr const char* stoppable = R"(
trap 'echo stopped; exit 143' TERM
touch "$(dirname "$0")/started"
for ((i = 0; i < 600; ++i)); do sleep 0.1; done
)";
constexpr const char* until_started = R"(until [ -e it*/started ]; do sleep 0.05; done)";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(slurm_job_test, Bench)

BOOST_AUTO_TEST_CASE(options_are_lines_that_sbatch_reads) {
  SlurmJob of = job("");
  of.at_once = 4;
  of.partition = "gpu,cpu";
  of.time = "1-00:00:00";
  of.memory = "4G";
  of.cpus = 2;
  of.options = {"--exclusive", "--comment=say \"x\""};
  const std::string text = members_script(of);
  for (const char* line :
       {"#SBATCH --array=\"1-40%4\"\n", "#SBATCH --partition=\"gpu,cpu\"\n", "#SBATCH --requeue\n",
        "#SBATCH --time=\"1-00:00:00\"\n", "#SBATCH --mem=\"4G\"\n", "#SBATCH --exclusive\n",
        "#SBATCH --cpus-per-task=\"2\"\n", "#SBATCH --comment=\"say \\\"x\\\"\"\n",
        "#SBATCH --signal=\"B:USR1@120\"\n", "#SBATCH --open-mode=\"append\"\n",
        "/it's \\\"a\\\" $1 %j\"\n", "/it's \\\"a\\\" $1 %%j/slurm/%A_%a.log\"\n"})
    BOOST_TEST(contains(text, line), line << "\n" << text);
  const std::string table = table_script(of);
  BOOST_TEST(!contains(table, "--array"));
  BOOST_TEST(contains(table, "exec quantdyn sweep table 'my file.yaml'"), table);
}

BOOST_AUTO_TEST_CASE(a_task_runs_its_member_and_ends_as_it_does) {
  for (const int code : {0, 1, 2}) {
    BOOST_TEST(run(job(fmt::format("printf '<%s>' \"$@\"; exit {}", code))) == code);
    BOOST_TEST(text_of(path / "out.txt") == "<sweep run><--threads><1><--member><3>");
  }
  BOOST_TEST(!fs::exists(path / "requeued"));
}

BOOST_AUTO_TEST_CASE(a_task_near_its_time_limit_is_stopped_and_queued_again) {
  SlurmJob of = job(stoppable);
  of.notice = 1;
  BOOST_TEST(run(of, std::string(until_started) + "; sleep 2; kill -USR1 $task") == 0);
  BOOST_TEST(text_of(path / "out.txt") == "stopped\n");
  BOOST_TEST(text_of(path / "requeued") == "requeue 77\n");
}

BOOST_AUTO_TEST_CASE(a_time_limit_that_is_shorter_than_the_notice_is_no_endless_loop) {
  BOOST_TEST(run(job(stoppable), std::string(until_started) + "; kill -USR1 $task") == 1);
  BOOST_TEST(contains(text_of(path / "out.txt"), "--time is too short"));
  BOOST_TEST(!fs::exists(path / "requeued"));
}

BOOST_AUTO_TEST_CASE(a_stop_by_slurm_reaches_the_program_once_and_is_waited_for) {
  const SlurmJob of = job(R"(
trap 'echo got TERM; ended=1' TERM
touch "$(dirname "$0")/started"
until [ -n "$ended" ]; do sleep 0.1; done
sleep 0.5; echo saved; exit 143
)");
  // Slurm signals every process of a task.
  BOOST_TEST(run(of, std::string(until_started) +
                         "; kill -TERM $task $(cat /proc/$task/task/$task/children)") == 143);
  BOOST_TEST(text_of(path / "out.txt") == "got TERM\nsaved\n");
  BOOST_TEST(!fs::exists(path / "requeued"));
}

BOOST_AUTO_TEST_CASE(what_a_script_cannot_hold_is_refused) {
  SlurmJob of = job("");
  of.time = "1:00\n#SBATCH --uid=0";
  BOOST_TEST(contains(error_of<ConfigError>([&] { members_script(of); }), "--time=1:00"));
  of.time = "";
  of.options = {"-p work"};
  BOOST_TEST(contains(error_of<ConfigError>([&] { table_script(of); }), "in its long form"));
  of.options = {};
  of.logs = path / "a\\b";
  BOOST_TEST(contains(error_of<ConfigError>([&] { members_script(of); }), "without backslash"));
}

BOOST_AUTO_TEST_CASE(sbatch_answers_with_a_number_or_refuses_in_its_own_words) {
  make(path / "sbatch", "#!/bin/bash\necho \"sbatch: warning: $*\" >&2; echo '12;here'");
  BOOST_TEST(submit_job({"a script"}) == "12");
  make(path / "sbatch",
       "#!/bin/bash\nprintf 'sbatch: error: no %s\\nsbatch: error: failed\\n' \"$2\" >&2; exit 1");
  BOOST_TEST(error_of<ConfigError>([] { submit_job({"a script"}); }) ==
             "sbatch refuses: no a script; failed");
  make(path / "sbatch", "#!/bin/bash\necho queued");
  BOOST_TEST(error_of([] { submit_job({}); }) ==
             "sbatch: answers 'queued\\u000a' instead of a job's number");
  fs::remove(path / "sbatch");
  ::setenv("PATH", path.c_str(), 1);
  BOOST_TEST(contains(error_of<ConfigError>([] { submit_job({}); }), "sbatch: no such command"));
}

BOOST_AUTO_TEST_SUITE_END()
