// Moments and periods, in units of 100 nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <ratio>

namespace winrt
{
    namespace Windows::Foundation
    {
        using TimeSpan = std::chrono::duration<int64_t, std::ratio<1, 10'000'000>>;
    }

    struct file_time
    {
        uint64_t value{};

        file_time() noexcept = default;
        constexpr explicit file_time(uint64_t const number) noexcept : value(number) {}
    };

    // Counts from the beginning of 1601.
    struct clock
    {
        using rep = int64_t;
        using period = Windows::Foundation::TimeSpan::period;
        using duration = Windows::Foundation::TimeSpan;
        using time_point = std::chrono::time_point<clock, duration>;

        static constexpr bool is_steady = false;

        static time_point now() noexcept { return from_sys(std::chrono::system_clock::now()); }

        static std::time_t to_time_t(time_point const& time) noexcept
        {
            return std::chrono::system_clock::to_time_t(
                std::chrono::time_point_cast<std::chrono::system_clock::duration>(to_sys(time)));
        }
        static time_point from_time_t(std::time_t time) noexcept
        {
            return from_sys(std::chrono::system_clock::from_time_t(time));
        }
        static std::chrono::time_point<std::chrono::system_clock, duration> to_sys(
            time_point const& time) noexcept
        {
            return std::chrono::time_point<std::chrono::system_clock, duration>(
                time.time_since_epoch() - to_1970);
        }
        template <typename Duration>
        static time_point from_sys(
            std::chrono::time_point<std::chrono::system_clock, Duration> const& time) noexcept
        {
            return time_point(
                std::chrono::duration_cast<duration>(time.time_since_epoch()) + to_1970);
        }
        static file_time to_file_time(time_point const& time) noexcept
        {
            return file_time(static_cast<uint64_t>(time.time_since_epoch().count()));
        }
        static time_point from_file_time(file_time const& time) noexcept
        {
            return time_point(duration(static_cast<int64_t>(time.value)));
        }

    private:
        static constexpr std::chrono::seconds to_1970{ 11'644'473'600 };
    };

    namespace Windows::Foundation
    {
        using DateTime = std::chrono::time_point<clock, TimeSpan>;
    }
}
