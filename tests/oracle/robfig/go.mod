// The cron parser of Kubernetes CronJobs, to compare ours with; see main.go.
module redistimer.dev/tests/robfig

go 1.26.0

require github.com/robfig/cron/v3 v3.0.1
