// Operations: what a function returns whose name ends in Async.
//
// The library has the state of an operation. What belongs to C++ is in `async_state`: the handler
// that was set, and the result of an operation that is a coroutine.
#pragma once

#include "coroutines.h"
#include "delegates.h"

#include <condition_variable>
#include <optional>

namespace winrt
{
    namespace Windows::Foundation
    {
        enum class AsyncStatus : int32_t
        {
            Started = 0,
            Completed = 1,
            Canceled = 2,
            Error = 3,
        };

        struct IAsyncAction;
        template <typename P>
        struct IAsyncActionWithProgress;
        template <typename T>
        struct IAsyncOperation;
        template <typename T, typename P>
        struct IAsyncOperationWithProgress;

        using AsyncActionCompletedHandler = impl::delegate<IAsyncAction, AsyncStatus>;
        template <typename P>
        using AsyncActionWithProgressCompletedHandler
            = impl::delegate<IAsyncActionWithProgress<P>, AsyncStatus>;
        template <typename P>
        using AsyncActionProgressHandler = impl::delegate<IAsyncActionWithProgress<P>, P>;
        template <typename T>
        using AsyncOperationCompletedHandler = impl::delegate<IAsyncOperation<T>, AsyncStatus>;
        template <typename T, typename P>
        using AsyncOperationWithProgressCompletedHandler
            = impl::delegate<IAsyncOperationWithProgress<T, P>, AsyncStatus>;
        template <typename T, typename P>
        using AsyncOperationProgressHandler = impl::delegate<IAsyncOperationWithProgress<T, P>, P>;
    }

    namespace impl
    {
        using Windows::Foundation::AsyncStatus;

        struct operation_reference : reference<udpair_operation>
        {
            constexpr operation_reference() noexcept = default;
            using reference::put;
            using reference::reference;
        };

        // What the copies of an operation share.
        struct async_state
        {
            operation_reference operation;
            std::mutex lock;
            // The handler that was set, and what the progress goes to.
            std::shared_ptr<void> completed;
            std::shared_ptr<void> progress;

            async_state() noexcept {}
            async_state(async_state const&) = delete;
            async_state& operator=(async_state const&) = delete;
            virtual ~async_state() = default;

            AsyncStatus status() const noexcept
            {
                return static_cast<AsyncStatus>(udpair_operation_status(operation.abi()));
            }

            // Throws the error of an operation that has not completed.
            void check_results(udpair_hresult const code) const
            {
                if (code < 0 && status() == AsyncStatus::Canceled && code == error_aborted)
                {
                    throw hresult_canceled(code, last_message());
                }
                check(code);
            }
        };

        template <typename T>
        struct result_state : async_state
        {
            virtual T result() = 0;
        };

        template <>
        struct result_state<void> : async_state
        {
            virtual void result() { check_results(udpair_operation_results(operation.abi())); }
        };

        // The result of an operation of the library: a number, or an object.
        template <typename T>
        T from_result(void* object)
        {
            if constexpr (requires { T::from_list(object); })
            {
                return T::from_list(object);
            }
            else
            {
                return adopt<T>(static_cast<typename T::abi_type*>(object));
            }
        }

        template <typename T>
        struct library_result final : result_state<T>
        {
            T result() override
            {
                if constexpr (std::is_arithmetic_v<T>)
                {
                    uint32_t number{};
                    this->check_results(
                        udpair_operation_result_number(this->operation.abi(), &number));
                    return static_cast<T>(number);
                }
                else
                {
                    void* object{};
                    this->check_results(
                        udpair_operation_result_object(this->operation.abi(), &object));
                    return from_result<T>(object);
                }
            }
        };

        template <>
        struct library_result<void> final : result_state<void>
        {
        };

        // The result of a coroutine.
        template <typename T>
        struct coroutine_result final : result_state<T>
        {
            std::optional<T> value;

            T result() override
            {
                this->check_results(udpair_operation_results(this->operation.abi()));
                return *value;
            }
        };

        template <>
        struct coroutine_result<void> final : result_state<void>
        {
        };

        // Waits for an operation in a coroutine.
        template <typename Async>
        struct async_awaiter
        {
            explicit async_awaiter(Async const& async) : m_async(async) {}

            bool await_ready() const noexcept { return m_async.Status() != AsyncStatus::Started; }
            void await_suspend(std::coroutine_handle<> coroutine)
            {
                auto context = m_waiter.wait(coroutine);
                // From here on, the coroutine may run elsewhere.
                check(udpair_operation_when_ended(m_async.state()->operation.abi(),
                    waiter::resume_ended, context.release(), waiter::destroy));
            }
            auto await_resume() const { return m_async.GetResults(); }

        private:
            Async m_async;
            waiter m_waiter;
        };

        // The members of every operation. `Async` is the class itself, `T` its result.
        template <typename Async, typename T, typename Completed>
        struct async_base
        {
            using state_type = result_state<T>;

            async_base(std::nullptr_t = nullptr) noexcept {}
            explicit async_base(std::shared_ptr<state_type> state) noexcept
                : m_state(std::move(state))
            {
            }

            uint32_t Id() const noexcept { return udpair_operation_id(abi()); }
            AsyncStatus Status() const noexcept
            {
                return static_cast<AsyncStatus>(udpair_operation_status(abi()));
            }
            hresult ErrorCode() const noexcept { return udpair_operation_error(abi()); }
            void Cancel() const noexcept { udpair_operation_cancel(abi()); }
            void Close() const { check(udpair_operation_close(abi())); }

            // Sets the handler that is called when the operation ends. It is set once.
            void Completed_(Completed const& handler) const
            {
                struct context
                {
                    std::shared_ptr<state_type> state;
                    Completed handler;
                };
                auto held = std::unique_ptr<context>(new context{ state(), handler });
                auto const call = [](void* raw, int32_t status) {
                    auto const ended = static_cast<context*>(raw);
                    contained("Completed", [&] {
                        ended->handler(Async(ended->state), static_cast<AsyncStatus>(status));
                    });
                    // A handler often holds its operation.
                    exchange_completed(*ended->state, nullptr);
                };
                auto const former
                    = exchange_completed(*m_state, std::make_shared<Completed>(handler));
                auto const code = udpair_operation_set_completed(
                    abi(), call, held.release(), impl::destroy<context>);
                if (code < 0)
                {
                    exchange_completed(*m_state, former);
                    check(code);
                }
            }

            T GetResults() const { return state()->result(); }

            // Waits on this thread, and returns the result.
            T get() const
            {
                udpair_operation_wait(state()->operation.abi());
                return GetResults();
            }

            // Waits on this thread, for this time at most.
            AsyncStatus wait_for(Windows::Foundation::TimeSpan const& timeout) const
            {
                struct end
                {
                    std::mutex lock;
                    std::condition_variable changed;
                    bool has_ended{};
                };
                using context = std::shared_ptr<end>;
                auto const shared = std::make_shared<end>();
                auto held = std::make_unique<context>(shared);
                auto const call = [](void* raw, int32_t) {
                    auto const ended = *static_cast<context*>(raw);
                    std::lock_guard const guard(ended->lock);
                    ended->has_ended = true;
                    ended->changed.notify_all();
                };
                check(udpair_operation_when_ended(
                    abi(), call, held.release(), impl::destroy<context>));
                std::unique_lock guard(shared->lock);
                shared->changed.wait_for(guard, timeout, [&] { return shared->has_ended; });
                return Status();
            }

            explicit operator bool() const noexcept { return m_state != nullptr; }
            friend bool operator==(async_base const& left, async_base const& right) noexcept
            {
                return left.m_state == right.m_state;
            }

            async_awaiter<Async> operator co_await() const
            {
                return async_awaiter<Async>(static_cast<Async const&>(*this));
            }

            // Fails for an operation that is null.
            std::shared_ptr<state_type> const& state() const
            {
                if (!m_state)
                {
                    throw hresult_invalid_argument(L"the operation is null");
                }
                return m_state;
            }

        protected:
            static std::shared_ptr<void> exchange_completed(
                state_type& state, std::shared_ptr<void> handler)
            {
                std::lock_guard const guard(state.lock);
                return std::exchange(state.completed, std::move(handler));
            }

            udpair_operation* abi() const noexcept
            {
                return m_state ? m_state->operation.abi() : nullptr;
            }
            Completed completed() const
            {
                std::lock_guard const guard(state()->lock);
                return m_state->completed ? *static_cast<Completed const*>(m_state->completed.get())
                                          : Completed();
            }

            template <typename P, typename Progress>
            void set_progress(Progress const& handler) const
            {
                struct context
                {
                    std::weak_ptr<state_type> state;
                    Progress handler;
                };
                auto held = std::unique_ptr<context>(new context{ state(), handler });
                auto const call = [](void* raw, uint32_t progress) {
                    auto const reported = static_cast<context*>(raw);
                    contained("Progress", [&] {
                        if (auto const state = reported->state.lock())
                        {
                            reported->handler(Async(state), static_cast<P>(progress));
                        }
                    });
                };
                check(udpair_operation_set_progress(
                    abi(), call, held.release(), impl::destroy<context>));
                std::lock_guard const guard(m_state->lock);
                m_state->progress = std::make_shared<Progress>(handler);
            }
            template <typename Progress>
            Progress progress() const
            {
                std::lock_guard const guard(state()->lock);
                return m_state->progress ? *static_cast<Progress const*>(m_state->progress.get())
                                         : Progress();
            }

        private:
            std::shared_ptr<state_type> m_state;
        };

        // Calls a function of the library that starts an operation.
        template <typename Async, typename T, typename F>
        Async started(F&& function)
        {
            auto state = std::make_shared<library_result<T>>();
            check(function(state->operation.put()));
            return Async(std::shared_ptr<result_state<T>>(std::move(state)));
        }

        struct completer_reference : reference<udpair_completer>
        {
            constexpr completer_reference() noexcept = default;
            using reference::put;
        };

        struct cancellation_token_t
        {
            explicit cancellation_token_t() = default;
        };

        template <typename Promise>
        struct cancellation_token;

        // The promise of a coroutine that returns an operation.
        template <typename Async, typename T>
        struct promise_base
        {
            promise_base() : m_state(std::make_shared<coroutine_result<T>>())
            {
                check(udpair_operation_pending(m_state->operation.put(), m_completer.put()));
            }
            promise_base(promise_base const&) = delete;
            promise_base& operator=(promise_base const&) = delete;

            Async get_return_object() const
            {
                return Async(std::shared_ptr<result_state<T>>(m_state));
            }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_never final_suspend() noexcept
            {
                if (m_is_canceled)
                {
                    udpair_operation_cancel(m_state->operation.abi());
                }
                udpair_completer_complete(m_completer.abi(), m_code, text_of(m_message));
                return {};
            }
            void unhandled_exception() noexcept
            {
                auto const error = caught();
                m_code = error.code() < 0 ? error.code() : error_fail;
                m_message = to_string(error.message());
                m_is_canceled = m_code == error_canceled;
            }

            AsyncStatus status() const noexcept { return m_state->status(); }

            // A coroutine that was cancelled ends at its next wait.
            template <typename Awaitable>
            Awaitable&& await_transform(Awaitable&& awaitable) const
            {
                if (status() == AsyncStatus::Canceled)
                {
                    throw hresult_canceled();
                }
                return std::forward<Awaitable>(awaitable);
            }
            cancellation_token<promise_base> await_transform(cancellation_token_t) noexcept
            {
                return cancellation_token<promise_base>(this);
            }

            udpair_completer* completer() const noexcept { return m_completer.abi(); }

        protected:
            std::shared_ptr<coroutine_result<T>> m_state;

        private:
            completer_reference m_completer;
            hresult m_code{ error_ok };
            std::string m_message;
            bool m_is_canceled{};
        };

        // Whether the operation that a coroutine is was cancelled.
        template <typename Promise>
        struct cancellation_token
        {
            explicit cancellation_token(Promise* promise) noexcept : m_promise(promise) {}

            bool await_ready() const noexcept { return true; }
            void await_suspend(std::coroutine_handle<>) const noexcept {}
            cancellation_token await_resume() const noexcept { return *this; }

            bool operator()() const noexcept
            {
                return m_promise->status() == AsyncStatus::Canceled;
            }

            // Sets what is called when the operation is cancelled.
            void callback(std::function<void()> handler) const
            {
                using context = std::function<void()>;
                auto held = std::make_unique<context>(std::move(handler));
                auto const call = [](void* raw) {
                    contained("cancellation", [&] { (*static_cast<context*>(raw))(); });
                };
                check(udpair_completer_on_cancel(
                    m_promise->completer(), call, held.release(), impl::destroy<context>));
            }

        private:
            Promise* m_promise;
        };

        template <typename Async, typename T>
        struct promise : promise_base<Async, T>
        {
            template <typename U>
            void return_value(U&& value)
            {
                this->m_state->value.emplace(std::forward<U>(value));
            }
            void return_value(T const& value) { this->m_state->value.emplace(value); }
        };

        template <typename Async>
        struct promise<Async, void> : promise_base<Async, void>
        {
            void return_void() const noexcept {}
        };
    }

    // To be awaited in a coroutine that returns an operation.
    inline impl::cancellation_token_t get_cancellation_token() noexcept
    {
        return impl::cancellation_token_t{};
    }

    namespace Windows::Foundation
    {
        // An operation without a result.
        struct IAsyncAction : impl::async_base<IAsyncAction, void, AsyncActionCompletedHandler>
        {
            using async_base::async_base;
            using promise_type = impl::promise<IAsyncAction, void>;

            void Completed(AsyncActionCompletedHandler const& handler) const { Completed_(handler); }
            AsyncActionCompletedHandler Completed() const { return completed(); }
        };

        // An operation without a result that reports its progress.
        template <typename P>
        struct IAsyncActionWithProgress
            : impl::async_base<IAsyncActionWithProgress<P>, void,
                  AsyncActionWithProgressCompletedHandler<P>>
        {
            using impl::async_base<IAsyncActionWithProgress<P>, void,
                AsyncActionWithProgressCompletedHandler<P>>::async_base;

            void Completed(AsyncActionWithProgressCompletedHandler<P> const& handler) const
            {
                this->Completed_(handler);
            }
            AsyncActionWithProgressCompletedHandler<P> Completed() const
            {
                return this->completed();
            }
            void Progress(AsyncActionProgressHandler<P> const& handler) const
            {
                this->template set_progress<P>(handler);
            }
            AsyncActionProgressHandler<P> Progress() const
            {
                return this->template progress<AsyncActionProgressHandler<P>>();
            }
        };

        // An operation with a result.
        template <typename T>
        struct IAsyncOperation
            : impl::async_base<IAsyncOperation<T>, T, AsyncOperationCompletedHandler<T>>
        {
            using impl::async_base<IAsyncOperation<T>, T,
                AsyncOperationCompletedHandler<T>>::async_base;
            using promise_type = impl::promise<IAsyncOperation<T>, T>;

            void Completed(AsyncOperationCompletedHandler<T> const& handler) const
            {
                this->Completed_(handler);
            }
            AsyncOperationCompletedHandler<T> Completed() const { return this->completed(); }
        };

        // An operation with a result that reports its progress.
        template <typename T, typename P>
        struct IAsyncOperationWithProgress
            : impl::async_base<IAsyncOperationWithProgress<T, P>, T,
                  AsyncOperationWithProgressCompletedHandler<T, P>>
        {
            using impl::async_base<IAsyncOperationWithProgress<T, P>, T,
                AsyncOperationWithProgressCompletedHandler<T, P>>::async_base;

            void Completed(AsyncOperationWithProgressCompletedHandler<T, P> const& handler) const
            {
                this->Completed_(handler);
            }
            AsyncOperationWithProgressCompletedHandler<T, P> Completed() const
            {
                return this->completed();
            }
            void Progress(AsyncOperationProgressHandler<T, P> const& handler) const
            {
                this->template set_progress<P>(handler);
            }
            AsyncOperationProgressHandler<T, P> Progress() const
            {
                return this->template progress<AsyncOperationProgressHandler<T, P>>();
            }
        };
    }

    // Waits for all of these. The error is that of the first one that has failed, in their order.
    template <typename... Async>
    Windows::Foundation::IAsyncAction when_all(Async... operations)
    {
        (void(co_await operations), ...);
    }
}
