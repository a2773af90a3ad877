// Command robfig answers when a CronJob would run. It reads questions as JSON, one a line, and answers each
// on a line of its own: the next instants of a schedule after an instant, or why the API server refuses it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

type question struct {
	Schedule string `json:"schedule"`
	Zone     string `json:"zone"`
	After    int64  `json:"after"` // Unix seconds
	Count    int    `json:"count"`
}

type answer struct {
	Error string  `json:"error,omitempty"`
	Next  []int64 `json:"next"` // Unix seconds; fewer than asked for where the library gives up
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "robfig:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	questions := json.NewDecoder(bufio.NewReader(in))
	questions.DisallowUnknownFields()
	buffer := bufio.NewWriter(out)
	answers := json.NewEncoder(buffer)
	for number := 1; ; number++ {
		var q question
		if err := questions.Decode(&q); errors.Is(err, io.EOF) {
			return buffer.Flush()
		} else if err != nil {
			return fmt.Errorf("question %d: %w", number, err)
		}
		zone, err := time.LoadLocation(q.Zone)
		if err != nil {
			return fmt.Errorf("question %d: %w", number, err)
		}
		if err := answers.Encode(answerTo(q, zone)); err != nil {
			return err
		}
	}
}

func answerTo(q question, zone *time.Location) answer {
	if err := validate(q.Schedule); err != nil {
		return answer{Error: err.Error()}
	}
	// What the CronJob controller makes of schedule and timeZone (formatSchedule).
	schedule, err := parse(fmt.Sprintf("TZ=%s %s", q.Zone, q.Schedule))
	if err != nil {
		return answer{Error: err.Error()}
	}
	next := make([]int64, 0, q.Count)
	for t := time.Unix(q.After, 0).In(zone); len(next) < q.Count; {
		if t = schedule.Next(t); t.IsZero() {
			break
		}
		next = append(next, t.Unix())
	}
	return answer{Next: next}
}

// validate says what the API server says about the schedule of a new CronJob (validateScheduleFormat).
func validate(schedule string) error {
	if _, err := parse(schedule); err != nil {
		return err
	}
	if strings.Contains(schedule, "TZ") {
		return errors.New("cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
	}
	return nil
}

// parse is ParseCronScheduleWithPanicRecovery of k8s.io/kubernetes/pkg/util/parsers.
func parse(schedule string) (parsed cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			parsed, err = nil, fmt.Errorf("invalid schedule format: %v", r)
		}
	}()
	return cron.ParseStandard(schedule)
}
