// Scripts that run a sweep as an array job of Slurm.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace quantdyn {

/// A sweep as Slurm runs it. Texts go to Slurm as they are; it says what is wrong with them.
struct SlurmJob {
  std::string name;
  int64_t members;                        ///< tasks 1 ... members
  int64_t at_once = 0;                    ///< tasks that may run at the same time; 0: all
  std::filesystem::path start;            ///< the folder in which the program starts
  std::filesystem::path logs;             ///< absolute; where the logs go
  std::vector<std::string> member;        ///< the command that runs a member, up to its number
  std::vector<std::string> table;         ///< the command that makes the table
  std::string partition = {};             ///< empty: Slurm's default
  std::string time = {};                  ///< as Slurm writes it; empty: its default
  std::string memory = {};                ///< of a task; empty: Slurm's default
  int64_t cpus = 1;                       ///< of a task, and its threads
  int64_t notice = 120;                   ///< seconds between a task's stop and its time limit
  std::vector<std::string> options = {};  ///< others of sbatch, such as "--account=vision"
};

/// The script of the array job. A task that Slurm stops (preemption, `scontrol requeue`) writes its
/// checkpoint and ends; so does one whose time limit is near, which then asks to be queued again.
/// The next start goes on from there. ConfigError: a text that a script cannot hold.
std::string members_script(const SlurmJob& job);

/// The script of the job that makes the table. ConfigError: as above.
std::string table_script(const SlurmJob& job);

}  // namespace quantdyn
