#include "log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include <memory>

#include <syslog.h>

namespace epmd {

void open_log(const settings& from) {
    if (from.is_daemon) {
        spdlog::set_default_logger(spdlog::syslog_logger_st("epmd", "epmd", LOG_PID, LOG_DAEMON, true));
        spdlog::set_pattern("%v");
    } else {
        spdlog::set_default_logger(spdlog::stderr_logger_st("epmd"));
        spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %l: %v");
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
