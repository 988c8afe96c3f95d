// The foreign side of tests/sumdb.rs: golang.org/x/mod/sumdb, the implementation that note, checkpoint and tiles come from.
//
//	read FOLDER KEY   authenticates a log: checkpoint, every tile that proofs need, every entry, every earlier tree
//	write FOLDER      writes a log of the entries on standard input (base64, one a line); prints its secret and its public key, and proofs
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Go's paths name the height of a tile, those of tlog-tiles do not.
func file(folder string, tile tlog.Tile) string {
	return filepath.Join(folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
}

type tiles string

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(file(string(t), tile))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func read(folder, key string) {
	verifier, err := note.NewVerifier(key)
	must(err)
	bytes, err := os.ReadFile(filepath.Join(folder, "note"))
	must(err)
	signed, err := note.Open(bytes, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("the checkpoint reads %q", signed.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tiles(folder))
	for index := int64(0); index < size; index++ {
		proof, err := tlog.ProveRecord(size, index, reader)
		must(err)
		must(tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry(folder, size, index))))
		earlier, err := tlog.TreeHash(index+1, reader)
		must(err)
		consistent, err := tlog.ProveTree(size, index+1, reader)
		must(err)
		must(tlog.CheckTree(consistent, size, root, index+1, earlier))
	}
	fmt.Println(size)
}

// An entry out of its bundle, which sumdb has in another form: each with its length before it.
func entry(folder string, size, index int64) []byte {
	name := fmt.Sprintf("tile/entries/%03d", index/256)
	if width := size - index/256*256; width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	bundle, err := os.ReadFile(filepath.Join(folder, name))
	must(err)
	for n := int64(0); n < index%256; n++ {
		bundle = bundle[2+binary.BigEndian.Uint16(bundle):]
	}
	return bundle[2 : 2+binary.BigEndian.Uint16(bundle)]
}

type stored []tlog.Hash

func (s *stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, (*s)[index])
	}
	return hashes, nil
}

func write(folder string) {
	secret, public, err := note.GenerateKey(rand.Reader, "log.example/theirs")
	must(err)
	signer, err := note.NewSigner(secret)
	must(err)
	var hashes stored
	size := int64(0)
	for input := bufio.NewScanner(os.Stdin); input.Scan(); size++ {
		data, err := base64.StdEncoding.DecodeString(input.Text())
		must(err)
		more, err := tlog.StoredHashes(size, data, &hashes)
		must(err)
		hashes = append(hashes, more...)
	}
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, &hashes)
		must(err)
		must(os.MkdirAll(filepath.Dir(file(folder, tile)), 0o777))
		must(os.WriteFile(file(folder, tile), data, 0o666))
	}
	root, err := tlog.TreeHash(size, &hashes)
	must(err)
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	must(os.WriteFile(filepath.Join(folder, "note"), signed, 0o666))
	fmt.Printf("%s\n%s\n", secret, public)
	for index := int64(0); index < size; index++ {
		proof, err := tlog.ProveRecord(size, index, &hashes)
		must(err)
		fmt.Println(proof)
	}
}

func main() {
	log.SetFlags(0)
	switch os.Args[1] {
	case "read":
		read(os.Args[2], os.Args[3])
	case "write":
		write(os.Args[2])
	}
}
