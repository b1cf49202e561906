// A Google Cloud Storage server for tests: fake-gcs-server, and the part of the XML API that it
// lacks and that object_store (obstore) writes with. Everything is kept in memory.
//
//	gcs-server 127.0.0.1:4443
//
// Each XML request is answered by the JSON API behind it, preconditions included.
package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gcs-server HOST:PORT")
	}
	address := os.Args[1]
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", PublicHost: address, ExternalURL: "http://" + address,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(address, &server{json: fake.HTTPHandler(), host: address, uploads: map[string]parts{}}))
}

type parts map[int][]byte

type server struct {
	json    http.Handler
	host    string
	mutex   sync.Mutex
	uploads map[string]parts
}

// object is what the JSON API says of one.
type object struct {
	Name, Etag, Generation, Size string
	Updated                      time.Time
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bucket, name, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	query := r.URL.Query()
	// Whatever name a client or a proxy has for this server.
	r.Host = s.host
	switch {
	case bucket == "storage" || bucket == "upload" || bucket == "download" || bucket == "_internal":
		s.json.ServeHTTP(w, r)
	case name == "" && r.Method == http.MethodGet:
		s.list(w, bucket, query)
	case r.Method == http.MethodPost && query.Has("uploads"):
		s.beginUpload(w, bucket)
	case r.Method == http.MethodPut && query.Has("uploadId"):
		s.takePart(w, r, query)
	case r.Method == http.MethodPost && query.Has("uploadId"):
		s.endUpload(w, r, bucket, name, query.Get("uploadId"))
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		s.forget(query.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut && r.Header.Get("x-goog-copy-source") != "":
		s.copy(w, r, bucket, name)
	case r.Method == http.MethodPut:
		s.put(w, r, bucket, name, r.Body)
	case r.Method == http.MethodDelete:
		s.delete(w, bucket, name)
	default:
		s.json.ServeHTTP(w, r)
	}
}

// ask sends a request to the JSON API.
func (s *server) ask(method, path string, body io.Reader) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, "http://"+s.host+path, body)
	answer := httptest.NewRecorder()
	s.json.ServeHTTP(answer, request)
	return answer
}

// precondition is the query for the one that the XML API has in a header.
func precondition(r *http.Request) string {
	if generation := r.Header.Get("x-goog-if-generation-match"); generation != "" {
		return "&ifGenerationMatch=" + generation
	}
	return ""
}

func (s *server) put(w http.ResponseWriter, r *http.Request, bucket, name string, body io.Reader) {
	path := fmt.Sprintf("/upload/storage/v1/b/%s/o?uploadType=media&name=%s%s", bucket, queryEscaped(name), precondition(r))
	s.written(w, s.ask(http.MethodPost, path, body))
}

// queryEscaped turns a name that is escaped as a path into one that is escaped as a query.
func queryEscaped(name string) string {
	plain, err := url.PathUnescape(name)
	if err != nil {
		return name
	}
	return url.QueryEscape(plain)
}

// written answers a write with the tags of what was written.
func (s *server) written(w http.ResponseWriter, answer *httptest.ResponseRecorder) bool {
	var made object
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &made) != nil {
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
		return false
	}
	w.Header().Set("ETag", strconv.Quote(made.Etag))
	w.Header().Set("x-goog-generation", made.Generation)
	return true
}

func (s *server) copy(w http.ResponseWriter, r *http.Request, bucket, name string) {
	fromBucket, fromName, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("x-goog-copy-source"), "/"), "/")
	plain, err := url.PathUnescape(fromName)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	target, _ := url.PathUnescape(name)
	path := fmt.Sprintf(
		"/storage/v1/b/%s/o/%s/copyTo/b/%s/o/%s?x=%s",
		fromBucket, url.PathEscape(plain), bucket, url.PathEscape(target), precondition(r),
	)
	s.written(w, s.ask(http.MethodPost, path, strings.NewReader("{}")))
}

func (s *server) delete(w http.ResponseWriter, bucket, name string) {
	plain, _ := url.PathUnescape(name)
	answer := s.ask(http.MethodDelete, fmt.Sprintf("/storage/v1/b/%s/o/%s", bucket, url.PathEscape(plain)), nil)
	if answer.Code == http.StatusOK {
		answer.Code = http.StatusNoContent
	}
	w.WriteHeader(answer.Code)
}

type listed struct {
	Key, ETag    string
	Size         int64
	LastModified string
}

type listing struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	Name, Prefix          string
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listed
	CommonPrefixes        []struct{ Prefix string }
}

func (s *server) list(w http.ResponseWriter, bucket string, query url.Values) {
	asked := url.Values{"prefix": query["prefix"], "delimiter": query["delimiter"], "maxResults": query["max-keys"]}
	if token := query.Get("continuation-token"); token != "" {
		asked.Set("pageToken", token)
	}
	answer := s.ask(http.MethodGet, fmt.Sprintf("/storage/v1/b/%s/o?%s", bucket, asked.Encode()), nil)
	var found struct {
		Items         []object
		Prefixes      []string
		NextPageToken string
	}
	if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &found) != nil {
		w.WriteHeader(answer.Code)
		return
	}
	result := listing{
		Name: bucket, Prefix: query.Get("prefix"),
		IsTruncated: found.NextPageToken != "", NextContinuationToken: found.NextPageToken,
	}
	for _, item := range found.Items {
		size, _ := strconv.ParseInt(item.Size, 10, 64)
		modified := item.Updated.UTC().Format("2006-01-02T15:04:05.000Z")
		result.Contents = append(result.Contents, listed{item.Name, strconv.Quote(item.Etag), size, modified})
	}
	for _, prefix := range found.Prefixes {
		result.CommonPrefixes = append(result.CommonPrefixes, struct{ Prefix string }{prefix})
	}
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(result)
}

func (s *server) beginUpload(w http.ResponseWriter, bucket string) {
	if s.ask(http.MethodGet, "/storage/v1/b/"+bucket, nil).Code != http.StatusOK {
		http.Error(w, "no such bucket", http.StatusNotFound)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	id := fmt.Sprintf("upload-%d", time.Now().UnixNano())
	s.uploads[id] = parts{}
	fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
}

func (s *server) takePart(w http.ResponseWriter, r *http.Request, query url.Values) {
	content, err := io.ReadAll(r.Body)
	number, bad := strconv.Atoi(query.Get("partNumber"))
	s.mutex.Lock()
	defer s.mutex.Unlock()
	upload, known := s.uploads[query.Get("uploadId")]
	if err != nil || bad != nil || !known {
		http.Error(w, "no such upload", http.StatusNotFound)
		return
	}
	upload[number] = content
	w.Header().Set("ETag", fmt.Sprintf("\"%d-%d\"", number, len(content)))
}

func (s *server) forget(id string) parts {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	upload := s.uploads[id]
	delete(s.uploads, id)
	return upload
}

func (s *server) endUpload(w http.ResponseWriter, r *http.Request, bucket, name, id string) {
	upload := s.forget(id)
	if upload == nil {
		http.Error(w, "no such upload", http.StatusNotFound)
		return
	}
	numbers := make([]int, 0, len(upload))
	for number := range upload {
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	readers := make([]io.Reader, 0, len(upload))
	for _, number := range numbers {
		readers = append(readers, bytes.NewReader(upload[number]))
	}
	path := fmt.Sprintf("/upload/storage/v1/b/%s/o?uploadType=media&name=%s%s", bucket, queryEscaped(name), precondition(r))
	answer := s.ask(http.MethodPost, path, io.MultiReader(readers...))
	var made object
	_ = json.Unmarshal(answer.Body.Bytes(), &made)
	if s.written(w, answer) {
		fmt.Fprintf(w, "<CompleteMultipartUploadResult><ETag>%s</ETag></CompleteMultipartUploadResult>", made.Etag)
	}
}
