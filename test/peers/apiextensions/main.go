// The API server's own validation of custom resources, as the tests' peer: reads one JSON request a line from standard
// input, {"schema": …, "object": …, "previous": …}, and answers each with a line: a list of {field, reason, message}.
// A request without a schema uses the one before.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"
)

type request struct {
	Schema   *apiextensionsv1.JSONSchemaProps `json:"schema"`
	Object   json.RawMessage                  `json:"object"`
	Previous json.RawMessage                  `json:"previous"`
}

type cause struct {
	Field   string `json:"field"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type kind struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func compile(props *apiextensionsv1.JSONSchemaProps) kind {
	internal := &apiextensions.JSONSchemaProps{}
	check(apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(props, internal, nil))
	structural, err := schema.NewStructural(internal)
	check(err)
	validator, _, err := validation.NewSchemaValidator(internal)
	check(err)
	return kind{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

func read(text json.RawMessage, structural *schema.Structural) map[string]interface{} {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	var object map[string]interface{}
	check(utiljson.Unmarshal(text, &object))
	pruning.Prune(object, structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, structural)
	defaulting.Default(object, structural)
	return object
}

// As customResourceStrategy does it.
func validate(kind kind, object, previous map[string]interface{}) field.ErrorList {
	var errs field.ErrorList
	var options []cel.Option
	if previous == nil {
		errs = append(errs, validation.ValidateCustomResource(nil, object, kind.validator)...)
	} else {
		correlated := common.NewCorrelatedObject(object, previous, &model.Structural{Structural: kind.structural})
		errs = append(errs, validation.ValidateCustomResourceUpdate(nil, object, previous, kind.validator, validation.WithRatcheting(correlated))...)
		options = append(options, cel.WithRatcheting(correlated))
	}
	if previous == nil || len(listtype.ValidateListSetsAndMaps(nil, kind.structural, previous)) == 0 {
		errs = append(errs, listtype.ValidateListSetsAndMaps(nil, kind.structural, object)...)
	}
	if kind.rules == nil {
		return errs
	}
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return append(errs, field.Invalid(nil, nil, "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"))
		}
	}
	var old interface{}
	if previous != nil {
		old = previous
	}
	broken, _ := kind.rules.Validate(context.Background(), nil, kind.structural, object, old, celconfig.RuntimeCELCostBudget, options...)
	return append(errs, broken...)
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	decoder := json.NewDecoder(in)
	var current kind
	for decoder.More() {
		var next request
		check(decoder.Decode(&next))
		if next.Schema != nil {
			current = compile(next.Schema)
		}
		causes := []cause{}
		for _, err := range validate(current, read(next.Object, current.structural), read(next.Previous, current.structural)) {
			causes = append(causes, cause{err.Field, string(err.Type), err.ErrorBody()})
		}
		check(out.Encode(causes))
	}
}
