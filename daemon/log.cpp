#include "log.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <utility>

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

namespace epmd {

namespace {

/// The priority of a line as sd-daemon(3) has it, so that the journal knows it: "<6>".
class priority_flag final : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& to) override {
        constexpr std::array<char, spdlog::level::n_levels> priorities{'7', '7', '6', '4', '3', '2', '7'};
        to.push_back('<');
        to.push_back(priorities.at(static_cast<std::size_t>(line.level)));
        to.push_back('>');
    }
    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<priority_flag>();
    }
};

/// Whether standard error goes to the journal, which notes time and priority by itself (systemd.exec(5)).
bool is_read_by_journal() {
    const char* const variable = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe): nobody writes it
    struct stat status {};
    return variable != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
           variable == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

void set_journal_pattern() {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<priority_flag>('*').set_pattern("%*%v");
    spdlog::set_formatter(std::move(formatter));
}

} // namespace

void open_log(const settings& from) {
    if (from.is_daemon) {
        spdlog::set_default_logger(spdlog::syslog_logger_st("epmd", "epmd", LOG_PID, LOG_DAEMON, true));
        spdlog::set_pattern("%v");
    } else {
        spdlog::set_default_logger(spdlog::stderr_logger_st("epmd"));
        is_read_by_journal() ? set_journal_pattern() : spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
    }
    spdlog::flush_on(spdlog::level::trace);
    set_log_level(from.level);
}

void set_log_level(log_level level) {
    switch (level) {
    case log_level::error:
        spdlog::set_level(spdlog::level::err);
        break;
    case log_level::warn:
        spdlog::set_level(spdlog::level::warn);
        break;
    case log_level::info:
        spdlog::set_level(spdlog::level::info);
        break;
    case log_level::debug:
        spdlog::set_level(spdlog::level::debug);
        break;
    case log_level::trace:
        spdlog::set_level(spdlog::level::trace);
        break;
    }
}

} // namespace epmd
